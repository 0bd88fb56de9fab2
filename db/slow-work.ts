/** Milliseconds of silence that nobody minds. */
const patience = 1000;

/** Says what is being done if it takes more than a second. */
export async function sayIfSlow<T>(
  say: (sentence: string) => void,
  sentence: string,
  work: PromiseLike<T>,
): Promise<T> {
  return breakSilence(say, sentence, () => work);
}

/** Work that says how it goes, in sentences, and a sentence for where it says nothing for a second. */
export async function breakSilence<T>(
  say: (sentence: string) => void,
  sentence: string,
  work: (say: (sentence: string) => void) => PromiseLike<T>,
): Promise<T> {
  const timer = setTimeout(() => {
    say(sentence);
  }, patience);
  try {
    return await work((said) => {
      say(said);
      timer.refresh();
    });
  } finally {
    clearTimeout(timer);
  }
}
