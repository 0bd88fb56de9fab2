/** How to ask an operation's running example, in the languages that most people ask in. */

export interface Sampled {
  readonly method: 'GET' | 'POST';
  /** Absolute. */
  readonly address: string;
  /** The media type of the answer. */
  readonly mediaType: string;
  /** Whether it takes the operator's token. */
  readonly isOperators: boolean;
}

export interface CodeSample {
  readonly lang: string;
  readonly label: string;
  readonly source: string;
}

/** Where a service is that nobody has given a public address. */
export const usualAddress = 'http://localhost:3000';

/** As `x-codeSamples` has them. */
export function codeSamples(sampled: Sampled): CodeSample[] {
  const r = inR(sampled);
  return [
    { lang: 'Shell', label: 'curl', source: inShell(sampled) },
    { lang: 'Python', label: 'Python', source: inPython(sampled) },
    ...(r === undefined ? [] : [{ lang: 'R', label: 'R', source: r }]),
    { lang: 'JavaScript', label: 'JavaScript', source: inJavaScript(sampled) },
  ];
}

function inShell({ method, address, mediaType, isOperators }: Sampled): string {
  const options = [
    ...(method === 'POST' ? ['-X POST'] : []),
    ...(isOperators ? ['-H "Authorization: Bearer $ADMIN_TOKEN"'] : []),
    // The file gets the name that the answer gives it.
    ...(mediaType === 'text/csv' ? ['-O -J'] : []),
  ];
  return ['curl', ...options, `'${address}'`].join(' ');
}

function inPython({ method, address, mediaType, isOperators }: Sampled): string {
  const quoted = JSON.stringify(address);
  const isCsv = mediaType === 'text/csv';
  const modules = [
    ...(isCsv ? ['csv'] : []),
    ...(isJson(mediaType) ? ['json'] : []),
    ...(isOperators ? ['os'] : []),
    'urllib.request',
  ];
  const request = isOperators
    ? [
        'token = os.environ["ADMIN_TOKEN"]',
        'request = urllib.request.Request(',
        `    ${quoted},`,
        `    method="${method}",`,
        '    headers={"Authorization": f"Bearer {token}"},',
        ')',
      ]
    : [];
  const reading = isCsv
    ? [
        '    rows = list(csv.DictReader(line.decode() for line in answer))',
        'print(len(rows), rows[0])',
      ]
    : isJson(mediaType)
      ? ['    data = json.load(answer)', 'print(data)']
      : ['    print(answer.read().decode())'];
  return [
    `import ${modules.join(', ')}`,
    '',
    ...request,
    `with urllib.request.urlopen(${isOperators ? 'request' : quoted}) as answer:`,
    ...reading,
  ].join('\n');
}

/** Undefined of what R can only ask with more packages. */
function inR({ method, address, mediaType, isOperators }: Sampled): string | undefined {
  if (method === 'POST') return undefined;
  const quoted = JSON.stringify(address);
  if (mediaType === 'text/csv') {
    return [`rows <- read.csv(${quoted}, na.strings = "")`, 'str(rows)'].join('\n');
  }
  if (!isJson(mediaType)) return `writeLines(readLines(${quoted}))`;
  if (!isOperators) return `data <- jsonlite::fromJSON(${quoted})\nstr(data)`;
  return [
    'headers <- c(Authorization = paste("Bearer", Sys.getenv("ADMIN_TOKEN")))',
    `answer <- url(${quoted}, headers = headers)`,
    'data <- jsonlite::fromJSON(readLines(answer, warn = FALSE))',
    'close(answer)',
    'str(data)',
  ].join('\n');
}

function inJavaScript({ method, address, mediaType, isOperators }: Sampled): string {
  const options = [
    ...(method === 'POST' ? ["  method: 'POST',"] : []),
    ...(isOperators ? ['  headers: { authorization: `Bearer ${process.env.ADMIN_TOKEN}` },'] : []),
  ];
  const given = options.length === 0 ? '' : `, {\n${options.join('\n')}\n}`;
  return [
    `const answer = await fetch('${address}'${given});`,
    'if (!answer.ok) throw new Error((await answer.json()).detail);',
    `const data = await answer.${isJson(mediaType) ? 'json' : 'text'}();`,
    'console.log(data);',
  ].join('\n');
}

function isJson(mediaType: string): boolean {
  return /\bjson$/.test(mediaType);
}
