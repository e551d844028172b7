import { expect, test } from 'vitest';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { elementsOf, elementText, escaped } from './xml.ts';

const LIST = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>
<Contents><Key>a&amp;b/&#x31;&#50;.mp4</Key><Size>12</Size></Contents>
<Contents><Key>c.mp4</Key><Size>34</Size></Contents><NextContinuationToken>t&lt;1</NextContinuationToken></ListBucketResult>`;

test('elements are read with their entities', () => {
  expect(elementText(LIST, 'IsTruncated')).toBe('true');
  expect(elementText(LIST, 'NextContinuationToken')).toBe('t<1');
  expect([...elementsOf(LIST, 'Contents')].map((one) => [elementText(one, 'Key'), elementText(one, 'Size')])).toEqual([
    ['a&b/12.mp4', '12'],
    ['c.mp4', '34'],
  ]);
  expect(elementText(LIST, 'Prefix')).toBeUndefined();
});

test('a text keeps its meaning when it is escaped', () => {
  const text = `<a href="x">&amp;'</a>`;
  expect(elementText(`<Key>${escaped(text)}</Key>`, 'Key')).toBe(text);
});

test('a damaged answer is read to its end without an error', () => {
  const next = random(30);
  for (let i = 0; i < 2_000; i += 1) {
    const text = Buffer.from(mutate(Buffer.from(LIST), next)).toString('latin1');
    for (const one of elementsOf(text, 'Contents')) {
      elementText(one, 'Key');
    }
    elementText(text, 'NextContinuationToken');
  }
});

test('a hostile answer of many open elements is read in linear time', () => {
  const text = '<Contents>'.repeat(400_000);
  expect([...elementsOf(text, 'Contents')]).toEqual([]);
});
