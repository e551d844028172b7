import { afterEach, expect, test, vi } from 'vitest';
import { replaceAddress, watchRoute } from './navigation.ts';
import { route } from './route.ts';

const before = route.peek();
afterEach(() => {
  vi.unstubAllGlobals();
  route.value = before;
});

/** A browser's address, which reports its change later, by an event. */
function openAt(hash: string) {
  const location = { hash };
  const window = Object.assign(new EventTarget(), { scrollY: 0 });
  const history = {
    state: {},
    replaceState: (_state: object, _title: string, to = location.hash) => {
      location.hash = to;
    },
  };
  const storage = new Map<string, string>();
  const localStorage = { getItem: (key: string) => storage.get(key) ?? null, setItem: storage.set.bind(storage) };
  for (const [name, value] of Object.entries({ location, window, history, localStorage })) {
    vi.stubGlobal(name, value);
  }
  watchRoute();
  return { location, tell: () => window.dispatchEvent(new Event('hashchange')) };
}

test('the address follows the moment of the page', () => {
  const { location, tell } = openAt('#/rec/garden');
  replaceAddress('#/rec/garden?t=2026-11-17T16:04:12Z');
  tell();
  expect(location.hash).toBe('#/rec/garden?t=2026-11-17T16:04:12Z');
  expect(route.value).toMatchObject({ page: 'recordings', camera: 'garden' });
});

test('a moment during a navigation does not undo it', () => {
  const { location, tell } = openAt('#/rec/garden');
  location.hash = '#/settings/cameras';
  replaceAddress('#/rec/garden?t=2026-11-17T16:04:12Z');
  tell();
  expect(location.hash).toBe('#/settings/cameras');
  expect(route.value).toMatchObject({ page: 'settings' });
});
