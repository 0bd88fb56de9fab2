/** Shows in the document, operation by operation, what may be asked and is answered. */
import { codeSamples, usualAddress } from './code-samples.ts';
import { goodResponse, type RecordedExamples } from './recorded-examples.ts';
import { addressOf, runningExamples } from './running-examples.ts';

type Tree = Record<string, unknown>;

/** @param publicUrl where the service is, without a slash at its end, if that is known */
export function showExamples<Document extends object>(
  document: Document,
  recorded: RecordedExamples,
  publicUrl = usualAddress,
): Document {
  const { paths = {} } = document as { paths?: Record<string, Record<string, Tree>> };
  for (const [template, operations] of Object.entries(paths)) {
    for (const method of ['get', 'post'] as const) {
      const operation = operations[method];
      const id = String(operation?.['operationId']);
      const example = runningExamples[id];
      if (operation === undefined || example === undefined) continue;
      for (const parameter of (operation['parameters'] ?? []) as Tree[]) {
        const value = example.path?.[String(parameter['name'])];
        if (parameter['in'] === 'path' && value !== undefined) parameter['example'] = value;
      }
      const address = addressOf(template, example);
      const content = (goodResponse(document as Tree, operation)['content'] ?? {}) as Tree;
      for (const [mediaType, media] of Object.entries(content) as [string, Tree][]) {
        const value = recorded[id]?.[mediaType];
        if (value === undefined) continue;
        const summary = `${method.toUpperCase()} ${address} on the demonstration, lists cut short`;
        media['examples'] = { demonstration: { summary, value } };
      }
      operation['x-codeSamples'] = codeSamples({
        method: method === 'get' ? 'GET' : 'POST',
        address: publicUrl + address,
        mediaType: Object.keys(content)[0] ?? '',
        isOperators: isOperators(operation),
      });
    }
  }
  return document;
}

function isOperators({ security }: Tree): boolean {
  return Array.isArray(security) && security.some((keys: object) => 'operatorKey' in keys);
}
