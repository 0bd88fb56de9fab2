export const contractLink = '<a href="/docs">The contract</a>';

/** Text as it stands in HTML, in the value of an attribute too. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A page in the style of the first one, below links to others. The contents are HTML. */
export function htmlPage(page: {
  readonly title: string;
  readonly links: readonly string[];
  readonly main: string;
}): string {
  const links = ['<a href="/">Dashboard Open Data</a>', ...page.links];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(page.title)} · Dashboard Open Data</title>
<link rel="stylesheet" href="/page.css">
</head>
<body>
<nav>${links.join(' · ')}</nav>
<main class="guide">
${page.main}</main>
</body>
</html>
`;
}
