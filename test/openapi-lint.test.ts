import { createConfig, lintFromString } from '@redocly/openapi-core';
import spectral, { type RulesetDefinition } from '@stoplight/spectral-core';
import spectralRulesets from '@stoplight/spectral-rulesets';
import { readFile } from 'node:fs/promises';
import t from 'tap';

const files = ['openapi/openapi.json', 'openapi/openapi-3.0.json'];
const read = (file: string) => readFile(new URL(`../${file}`, import.meta.url), 'utf8');

for (const file of files) {
  t.test(`Redocly finds nothing in ${file}`, async (t) => {
    const config = await createConfig({ extends: ['recommended-strict'] });
    const found = await lintFromString({ source: await read(file), absoluteRef: file, config });
    t.strictSame(
      found.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer]),
      [],
    );
  });

  t.test(`Spectral finds nothing in ${file}`, async (t) => {
    const linter = new spectral.Spectral();
    linter.setRuleset(spectralRulesets.oas as RulesetDefinition);
    const found = await linter.run(await read(file));
    t.strictSame(
      found.map(({ code, message, path }) => [code, message, path.join('/')]),
      [],
    );
  });
}
