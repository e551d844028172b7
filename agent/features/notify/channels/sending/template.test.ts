import { expect, test } from 'vitest';
import { random } from '../../../../../test/support/base/random.ts';
import { asIs, fill, forHeader, forJson, formBody, forUrl, multipartBody, type TemplateValues } from './template.ts';

const CHARS = [
  '"',
  '\\',
  '{',
  '}',
  '|',
  '?',
  '\n',
  '\r',
  '\t',
  '\0',
  '&',
  '=',
  '#',
  '%',
  '/',
  ':',
  'ü',
  '門',
  '😀',
  '\ud800',
  '--',
  'a',
  '$&',
];

function valuesFrom(next: () => number): TemplateValues {
  const text = () =>
    Array.from({ length: Math.floor(next() * 12) }, () => CHARS[Math.floor(next() * CHARS.length)]).join('');
  return {
    ...{ camera: text(), path: text(), kind: text(), text: text(), time: text(), localTime: text(), unix: text() },
    ...{ link: text(), id: text(), picture: text(), secret: text() },
  };
}

test('any value comes out of each encoding as it went in', async () => {
  const next = random(29);
  for (let round = 0; round < 500; round++) {
    const values = valuesFrom(next);
    const camera = values.camera.toWellFormed();
    expect(JSON.parse(fill('{"a": "{camera}"}', values, forJson))).toEqual({ a: camera });
    const url = new URL(fill('http://host/{camera}/x?c={camera}', values, forUrl));
    expect([url.host, url.hash, url.searchParams.get('c')]).toEqual(['host', '', camera]);
    expect(fill('{camera}', values, asIs)).toBe(camera);
    const header = forHeader(camera);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no header may have them.
    expect(header).not.toMatch(/[\x00-\x1f\x7f]/);
    expect([...header].every((char) => char <= '\xff')).toBe(true);
    const form = new URLSearchParams(formBody('a={camera}', values).bytes.toString());
    expect([...form]).toEqual([['a', camera]]);
    const { type, bytes } = multipartBody('a={camera}\nb=end', values, undefined);
    const parts = await new Response(new Uint8Array(bytes), { headers: { 'Content-Type': type } }).formData();
    expect([...parts]).toEqual([
      ['a', camera],
      ['b', 'end'],
    ]);
  }
});

test('a placeholder with two texts takes the first if there is a value', () => {
  const values = valuesFrom(() => 0);
  const template = 'bot/{picture?sendPhoto|sendMessage}';
  expect(fill(template, { ...values, picture: 'x' }, forUrl)).toBe('bot/sendPhoto');
  expect(fill(template, { ...values, picture: '' }, forUrl)).toBe('bot/sendMessage');
  expect(fill('{picture?|no}', { ...values, picture: 'x' }, forUrl)).toBe('');
});

test('a value is no template itself', () => {
  const values = { ...valuesFrom(() => 0), camera: '{secret} $& $1', secret: 'token' };
  expect(fill('{camera}', values, asIs)).toBe('{secret} $& $1');
});
