import Negotiator from 'negotiator';

/** Clients send few different Accept fields; past this many they are parsed again. */
const memoryLimit = 500;

/** A part of Accept that is a media range at all. */
const mediaRange = /(?:^|,)\s*[^\s,;/]+\/[^\s,;/]+\s*(?:[;,]|$)/;
/** Parameters of a range but a weight that is one. */
const otherParameter = /;(?!\s*q\s*=\s*[01](?:\.\d{0,3})?\s*(?:[;,]|$))[^;,]*/gi;

/** The method as negotiator 1 has it; its published types are of an earlier version. */
interface Preferring {
  mediaTypes(available: readonly string[]): string[];
}

/** Chooses a media type by the request's Accept (RFC 9110 §12.5.1). */
export class MediaChoice<Type extends string> {
  readonly #available: readonly Type[];
  readonly #chosen = new Map<string, Type | undefined>();

  /** The first is what is chosen where nothing else is asked for. */
  constructor(available: readonly Type[]) {
    this.#available = available;
  }

  /** Undefined where everything that there is has been ruled out. */
  choose(accept: string | undefined): Type | undefined {
    if (accept === undefined || accept === '*/*') return this.#available[0];
    if (this.#chosen.has(accept)) return this.#chosen.get(accept);
    const type = this.#parse(accept);
    if (this.#chosen.size < memoryLimit && accept.length < 300) this.#chosen.set(accept, type);
    return type;
  }

  #parse(accept: string): Type | undefined {
    // What names no type rules none out.
    if (!mediaRange.test(accept)) return this.#available[0];
    // Whatever version or profile is asked for, it is the one that there is.
    const field = accept.replace(otherParameter, '');
    const negotiator: Preferring = new Negotiator({ headers: { accept: field } });
    return negotiator.mediaTypes(this.#available)[0] as Type | undefined;
  }
}
