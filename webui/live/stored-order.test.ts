import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const item = (name: string, order: number) => ({ name, order, title: name, ready: true, tracks2: [] });

beforeEach(() => {
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => {} });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const load = async () => {
  const [{ storeOrder }, { paths }, { groups, layouts }, { cameras }] = await Promise.all([
    import('./stored-order.ts'),
    import('../api-client/paths.ts'),
    import('../cameras/layouts.ts'),
    import('../cameras/cameras.ts'),
  ]);
  return { storeOrder, paths, groups, layouts, cameras };
};

test.for([
  ['the box rejects it', async () => Response.json({ status: 'error', error: 'no' }, { status: 500 })],
  ['the box does not answer', () => Promise.reject(new TypeError('no network'))],
] as const)('an order of cameras that is not stored is shown no longer: %s', async ([, answer]) => {
  const { storeOrder, paths } = await load();
  paths.value = [item('a', 1), item('b', 2), item('c', 3)] as unknown as typeof paths.value;
  vi.stubGlobal('fetch', answer);
  const stored = storeOrder(undefined, ['b', 'c', 'a'], ['a', 'b', 'c']);
  const orders = () => paths.peek()?.map(({ name, order }) => [name, order]);
  expect(orders()).toEqual([
    ['a', 3],
    ['b', 1],
    ['c', 2],
  ]);
  await stored;
  expect(orders()).toEqual([
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  paths.value = undefined;
});

test('orders that follow each other quickly are stored one after the other, and the latest last', async () => {
  const { storeOrder, groups, layouts } = await load();
  const cameras = ['a', 'b', 'c'].map((path) => ({ path }));
  layouts.value = [{ kind: 'group', name: 'Yard', cameras }] as unknown as typeof layouts.value;
  groups.value = [['Yard', ['a', 'b', 'c']]];
  const sent: string[] = [];
  let answer = (): void => {};
  vi.stubGlobal('fetch', async (_: string, { method, body }: RequestInit) => {
    if (method === 'PATCH') {
      const named = JSON.parse(String(body)) as { cameras: { path: string }[] };
      sent.push(named.cameras.map(({ path }) => path).join(''));
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
    }
    return Response.json({ items: [] });
  });
  const store = (order: string) => storeOrder('Yard', order.split(''), ['a', 'b', 'c']);
  const all = [store('bac')];
  await vi.waitFor(() => expect(sent).toEqual(['bac']));
  all.push(store('bca'), store('cba'));
  expect(groups.peek()).toEqual([['Yard', ['c', 'b', 'a']]]);
  answer();
  await vi.waitFor(() => expect(sent).toEqual(['bac', 'cba']));
  answer();
  await Promise.all(all);
  [layouts.value, groups.value] = [undefined, undefined];
});

test('the same for a group', async () => {
  const { storeOrder, groups, layouts } = await load();
  const cameras = [{ path: 'a' }, { path: 'b' }];
  layouts.value = [{ kind: 'group', name: 'Yard', cameras }] as unknown as typeof layouts.value;
  groups.value = [['Yard', ['a', 'b']]];
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')));
  const stored = storeOrder('Yard', ['b', 'a'], ['a', 'b']);
  expect(groups.peek()).toEqual([['Yard', ['b', 'a']]]);
  await stored;
  expect(groups.peek()).toEqual([['Yard', ['a', 'b']]]);
  [layouts.value, groups.value] = [undefined, undefined];
});
