import { expect, test } from 'vitest';
import { createLogger, silentLogger } from './log.ts';
import { type Component, type EndCause, Reconciler } from './reconciler.ts';

interface Config {
  readonly a?: number;
  readonly b?: number;
}

function setUp() {
  const did: string[] = [];
  const broken = new Set<string>();
  const component = (name: 'a' | 'b'): Component<Config> => ({
    name,
    settings: (config) => config[name],
    start: async (config) => {
      if (broken.has(name)) {
        throw new Error('taken');
      }
      did.push(`start ${name}${config[name]}`);
      return () => {
        did.push(`stop ${name}`);
      };
    },
  });
  return { did, broken, reconciler: new Reconciler<Config>([component('a'), component('b')], silentLogger) };
}

test('only what changed is stopped and started, in order', async () => {
  const { did, reconciler } = setUp();
  await reconciler.apply({ a: 1, b: 1 });
  await reconciler.apply({ a: 1, b: 2 });
  await reconciler.apply({ a: 2, b: 2 });
  expect(did).toEqual(['start a1', 'start b1', 'stop b', 'start b2', 'stop a', 'start a2']);
});

test('disabled components stop, and all stop in reverse order at the end', async () => {
  const { did, reconciler } = setUp();
  await reconciler.apply({ a: 1, b: 1 });
  await reconciler.apply({ b: 1 });
  await reconciler.apply({ a: 1, b: 1 });
  await reconciler.close();
  expect(did).toEqual(['start a1', 'start b1', 'stop a', 'start a1', 'stop b', 'stop a']);
});

test('a component that fails to stop keeps no other from stopping or starting', async () => {
  const did: string[] = [];
  const component = (name: 'a' | 'b', stop: () => void): Component<Config> => ({
    name,
    settings: (config) => config[name],
    start: async (config) => {
      did.push(`start ${name}${config[name]}`);
      return stop;
    },
  });
  const stopA = () => void did.push('stop a');
  const stopB = () => {
    throw new Error('stuck');
  };
  const reconciler = new Reconciler<Config>([component('a', stopA), component('b', stopB)], silentLogger);
  await reconciler.apply({ a: 1, b: 1 });
  await reconciler.apply({ a: 2, b: 2 });
  await reconciler.close();
  expect(did).toEqual(['start a1', 'start b1', 'stop a', 'start a2', 'start b2', 'stop a']);
});

test.for([
  ['takes', () => Promise.resolve(true), ['start 1', 'reload 2', 'stop']],
  ['rejects', () => Promise.resolve(false), ['start 1', 'reload 2', 'stop', 'start 2', 'stop']],
  ['fails to take', () => Promise.reject(new Error('stuck')), ['start 1', 'reload 2', 'stop', 'start 2', 'stop']],
] as const)(
  'a component that %s another configuration is restarted only if it has to be',
  async ([, reload, expected]) => {
    const did: string[] = [];
    const component: Component<Config> = {
      name: 'a',
      settings: ({ a }) => a,
      start: async ({ a }) => {
        did.push(`start ${a}`);
        return () => {
          did.push('stop');
        };
      },
      reload: ({ a }) => {
        did.push(`reload ${a}`);
        return reload();
      },
    };
    const reconciler = new Reconciler<Config>([component], silentLogger);
    await reconciler.apply({ a: 1 });
    await reconciler.apply({ a: 2 });
    await reconciler.close();
    expect(did).toEqual(expected);
  },
);

test.for([
  [true, 40],
  [false, 50],
] as const)('a failed start of an optional component (%s) is logged at level %i', async ([isOptional, level]) => {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const component = {
    name: 'https',
    settings: () => 1,
    isOptional: () => isOptional,
    start: () => Promise.reject(new Error('taken')),
  };
  const reconciler = new Reconciler<Config>([component], log);
  await reconciler.apply({});
  await reconciler.retry();
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level, msg: 'failed to start; other components are unaffected' },
  ]);
});

test('a component that fails to start delays no other and is retried', async () => {
  const { did, broken, reconciler } = setUp();
  broken.add('a');
  await reconciler.apply({ a: 1, b: 1 });
  expect(reconciler.isRunning('a')).toBe(false);
  await reconciler.retry();
  broken.clear();
  await reconciler.retry();
  await reconciler.retry();
  expect(did).toEqual(['start b1', 'start a1']);
});

test('a component is stopped with the cause: restart, switched off, or end', async () => {
  const causes: EndCause[] = [];
  const component: Component<Config> = {
    name: 'a',
    settings: (config) => config.a,
    start: async () => (cause) => void causes.push(cause),
  };
  const reconciler = new Reconciler<Config>([component], silentLogger);
  for (const config of [{ a: 1 }, { a: 2 }, {}, { a: 3 }]) {
    await reconciler.apply(config);
  }
  await reconciler.close();
  expect(causes).toEqual(['changed', 'off', 'end']);
});

test('a component that needs another waits silently and starts after it', async () => {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  let isTaken = true;
  const server: Component<Config> = {
    name: 'server',
    settings: (config) => config.a,
    start: async () => {
      if (isTaken) {
        throw new Error('taken');
      }
      return () => {};
    },
  };
  const media: Component<Config> = {
    name: 'media',
    needs: 'server',
    settings: (c) => c.a,
    start: async () => () => {},
  };
  const reconciler = new Reconciler<Config>([server, media], log);
  await reconciler.apply({ a: 1 });
  await reconciler.retry();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('"part":"server","reason":"taken"');
  isTaken = false;
  await reconciler.retry();
  expect(['server', 'media'].map((name) => reconciler.isRunning(name))).toEqual([true, true]);
  expect(lines.slice(1).map((line) => JSON.parse(line).part)).toEqual(['server']);
});
