import Type from 'typebox';
import { expect, test } from 'vitest';
import { createLogger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { Feature, Host, OpenFeature } from '../../features/contract.ts';
import type { StoreOffer } from '../../playback/stores/contract.ts';
import type { RecordingCopies } from '../../record/store/recording-copies.ts';
import { OpenFeatures } from './open-features.ts';

const fails = (): never => {
  throw new Error('broken');
};
const rejects = async (): Promise<never> => fails();
const BROKEN: OpenFeature = {
  ...{
    problems: fails,
    metrics: fails,
    applied: fails,
    streamOpened: fails,
    isOwn: fails,
    replacesEvents: fails,
    examines: fails,
  },
  ...{ begin: rejects, indexed: rejects, close: rejects, facts: { schema: {}, read: rejects } },
};

function openWith(feature: OpenFeature) {
  const lines: string[] = [];
  const log = createLogger('info', (line) => lines.push(line));
  const features: Feature[] = [
    { name: 'broken', open: () => BROKEN },
    { name: 'good', open: () => feature },
  ];
  const recordings = { events: { hub: { locate: () => {} } } };
  return { lines, open: new OpenFeatures(features, { log, recordings } as unknown as Host) };
}

test('a feature that throws does not break the others, and is logged once', async () => {
  const called: string[] = [];
  const calls = (name: string) => async () => void called.push(name);
  const { open, lines } = openWith({
    problems: () => [{ why: null, text: 'full', since: null }],
    metrics: () => [['good', 'gauge', 'Good.', 1]],
    applied: () => void called.push('applied'),
    streamOpened: () => called.push('streamOpened'),
    isOwn: () => true,
    replacesEvents: () => true,
    examines: (path) => (path === 'door' ? ['person'] : []),
    ...{ begin: calls('begin'), indexed: calls('indexed'), close: calls('close') },
    facts: { schema: {}, read: async () => ({ good: 1 }) },
  });
  await open.begin();
  await open.indexed();
  await open.applied();
  open.streamOpened();
  expect([open.isOwn('a'), open.replacesEvents('door', 'motion')]).toEqual([true, true]);
  expect([open.examines('door'), open.examines('yard')]).toEqual([['person'], []]);
  expect(open.problems()).toEqual([{ kind: 'good', name: null, why: null, text: 'full', since: null }]);
  expect(open.metrics()).toEqual([['good', 'gauge', 'Good.', 1]]);
  expect(await open.facts()).toEqual({ good: 1 });
  await open.close(() => {});
  expect(called).toEqual(['begin', 'indexed', 'applied', 'streamOpened', 'close']);
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain('"feature":"broken"');
});

test('for one fact the other features read nothing', async () => {
  const { open, lines } = openWith({ facts: { schema: { good: Type.Number() }, read: async () => ({ good: 1 }) } });
  expect(await open.facts('good')).toEqual({ good: 1 });
  expect(await open.facts('missing')).toEqual({});
  expect(lines).toEqual([]);
});

test('where a feature cannot say what is in force, nothing is applied', async () => {
  const { open } = openWith({ inForce: fails, begin: rejects, configure: fails });
  await expect(open.begin()).rejects.toThrow('broken');
  expect(() => open.configure({} as Config)).toThrow('broken');
  expect(() => open.inForce({} as Config)).toThrow('broken');
});

test('while the store and the copies of a feature fail, nothing that waits for a copy is deleted', () => {
  const [stores, copies]: [StoreOffer[], RecordingCopies[]] = [[], []];
  const lines: string[] = [];
  const feature: OpenFeature = {
    store: { has: fails, names: fails, open: rejects },
    copies: {
      get stored() {
        return fails();
      },
      get away() {
        return fails();
      },
      ...{ isAwaited: fails, deletedByHand: fails, mayAppear: fails },
    },
  };
  const recordings = {
    events: { hub: { locate: () => {} } },
    stores: { add: (one: StoreOffer) => stores.push(one) },
    playback: { copies: { add: (one: RecordingCopies) => copies.push(one) } },
  };
  const log = createLogger('info', (line) => lines.push(line));
  new OpenFeatures([{ name: 'broken', open: () => feature }], { log, recordings } as unknown as Host);
  const [store, copy] = [stores[0] as StoreOffer, copies[0] as RecordingCopies];
  expect([store.has('cam'), store.names()]).toEqual([false, []]);
  copy.deletedByHand('cam', 0, 'a.mp4');
  const awaited = { path: 'cam', file: 'a.mp4', nameUs: 0, newestStartUs: 0 };
  expect([copy.isAwaited(awaited), copy.mayAppear('cam'), copy.stored]).toEqual([true, true, undefined]);
  expect(copy.away).toContain('failed');
  expect(lines).toHaveLength(1);
});
