import { expect, test } from 'vitest';
import { addressOf, curlOf, exampleOf, type Parameter } from './document.ts';

const name: Parameter = { name: 'name', in: 'path', schema: {}, 'x-may-contain-slashes': true };
const id: Parameter = { name: 'id', in: 'path', schema: {} };
const page: Parameter = { name: 'page', in: 'query', schema: {} };

test.for<[string, Parameter[], Record<string, string>, string]>([
  ['/v3/paths/get/{name}', [name], { name: 'garden/gate é' }, '/v3/paths/get/garden/gate%20%C3%A9'],
  ['/v3/users/{id}', [id], { id: 'a/b?c' }, '/v3/users/a%2Fb%3Fc'],
  ['/v3/paths/list', [page], { page: '' }, '/v3/paths/list'],
  ['/v3/paths/list', [page], { page: '1&x=2' }, '/v3/paths/list?page=1%26x%3D2'],
])('%s has its address below any folder of a proxy', ([path, parameters, values, address]) => {
  const given = addressOf('https://house.example/cams/', path, parameters, new Map(Object.entries(values)));
  expect(given).toBe(`https://house.example/cams${address}`);
});

test('an example body has the required properties', () => {
  const schema = {
    type: 'object',
    properties: {
      path: { type: 'string' },
      state: { enum: ['start', 'end'] },
      count: { type: 'integer' },
      cameras: { anyOf: [{ const: 'all' }, { type: 'array' }] },
      note: { type: 'string' },
    },
    required: ['path', 'state', 'count', 'cameras'],
  };
  expect(exampleOf(schema)).toEqual({ path: '', state: 'start', count: 0, cameras: 'all' });
});

test('a shell command keeps quotes', () => {
  expect(curlOf('POST', 'http://box/v3/events', `{"text": "it's"}`)).toBe(
    `curl -u owner -X POST 'http://box/v3/events' -H 'Content-Type: application/json' --data-raw '{"text": "it'\\''s"}'`,
  );
  expect(curlOf('GET', 'http://box/v3/info', undefined)).toBe("curl -u owner 'http://box/v3/info'");
});
