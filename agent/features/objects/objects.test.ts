import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { fileOf } from '../../../test/support/harness/edited-config.ts';
import { good, linesOf } from '../../../test/support/harness/loaded-config.ts';
import { PerchError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { DAY_MS } from '../../base/time/units.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import type { CameraEvent, EventListener } from '../../record/events/event.ts';
import type { Detector } from './detector/contract.ts';
import { Objects } from './objects.ts';
import type { FoundModel, ModelSource } from './readiness.ts';
import { objectsRoutes, retryRoutes } from './routes.ts';

const GIGABYTE = 1e9;
const DOWN = new PerchError('unavailable', 'the server does not answer');
const settle = async (): Promise<void> => {
  for (let i = 0; i < 50; i += 1) {
    await setImmediate();
  }
};

interface Box {
  readonly paths?: string;
  readonly more?: string;
  readonly memoryBytes?: number;
  readonly dataDir?: string;
  readonly version?: string;
  readonly pictureMs?: number;
  readonly models?: Partial<ModelSource>;
}

/** A box whose model takes `pictureMs` for a picture. */
async function boxOf(box: Box = {}) {
  const { paths = '  yard: {objects: [person, animal]}', more = '', pictureMs = 190, version = '1.0.0' } = box;
  const dataDir = box.dataDir ?? (await mkdtemp(join(tmpdir(), 'objects-')));
  let config = good(`${more}\npaths:\n${paths}\n`);
  const clock = new FakeClock();
  const calls = { pictures: 0, closed: 0, applied: 0 };
  const listeners = new Set<EventListener>();
  const detector: Detector = {
    inputSize: 416,
    memoryBytes: 219e6,
    examine: async ({ picture }) => {
      const { width, height, rgb } = await picture(false);
      expect(rgb).toHaveLength(3 * width * height);
      calls.pictures += 1;
      return { objects: [], ms: pictureMs };
    },
    close: async () => {
      calls.closed += 1;
    },
  };
  const model: FoundModel = { name: 'NanoDet', key: 'nanodet-g', open: () => detector };
  const models: ModelSource = {
    find: async () => model,
    fetch: () => Promise.reject(new PerchError('unavailable', 'offline')),
    ...box.models,
  };
  const listen = (listener: EventListener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const host = {
    ...{ dataDir, version, clock, log: silentLogger, config: () => config },
    recordings: { events: { hub: { listen } } },
    applyPaths: async () => {
      calls.applied += 1;
    },
  } as unknown as ConstructorParameters<typeof Objects>[0];
  const objects = new Objects(host, models, box.memoryBytes ?? GIGABYTE);
  await objects.begin();
  const configure = async (next: string) => {
    config = good(`${more}\npaths:\n${next}\n`);
    objects.apply();
    await settle();
  };
  const report = (event: Partial<CameraEvent>) => {
    const whole = { id: '1', path: 'yard', type: 'person', startUs: 0, endUs: undefined, text: '', ...event };
    for (const listener of listeners) {
      listener({ source: 'camera', ...whole }, undefined);
    }
  };
  objects.apply();
  await settle();
  return { objects, calls, dataDir, clock, configure, report, model };
}

test('the first path with objects tests the box, and the result is kept for the next start', async () => {
  const first = await boxOf();
  expect(first.objects.status).toEqual({
    ...{ state: 'ready', reason: null, progress: null, model: 'NanoDet', pictureMs: 190, memoryMb: 219 },
    cameras: [{ name: 'yard', objects: ['person', 'animal'], by: 'box' }],
  });
  expect(first.objects.problems()).toEqual([]);
  expect(first.objects.examines('yard')).toEqual(['person', 'animal']);
  expect(first.objects.examines('gone')).toEqual([]);
  expect(first.calls.pictures).toBe(2);
  await first.objects.close();
  expect(first.calls.closed).toBe(1);
  const { dataDir } = first;
  expect(JSON.parse(await readFile(join(dataDir, 'objects.json'), 'utf8'))).toMatchObject({ test: { pictureMs: 190 } });

  const again = await boxOf({ dataDir });
  expect(again.objects.status).toMatchObject({ state: 'ready', pictureMs: 190 });
  expect(again.calls.pictures).toBe(0);
  await again.objects.close();

  const updated = await boxOf({ dataDir, version: '1.1.0' });
  expect(updated.calls.pictures).toBe(2);
  await updated.objects.close();
});

test('without objects in any path nothing is looked for, and the last one ends it', async () => {
  const { objects, calls, configure } = await boxOf({ paths: '  yard: {}' });
  expect(objects.status).toMatchObject({ state: 'off', cameras: [] });
  expect(calls).toEqual({ pictures: 0, closed: 0, applied: 0 });
  await configure('  yard: {objects: [vehicle]}');
  expect(objects.status.state).toBe('ready');
  await configure('  yard: {}');
  expect(objects.status.state).toBe('off');
  expect(objects.examines('yard')).toEqual([]);
  expect(calls.closed).toBe(1);
  await objects.close();
});

test('a box that is too slow says how slow, and stays off until it is tested again', async () => {
  const box = { pictureMs: 2_340 };
  const { objects, calls, dataDir } = await boxOf(box);
  const reason = 'a picture takes 2.3 s on this box: the limit is 2 s';
  expect(objects.status).toMatchObject({ state: 'tooSlow', reason, pictureMs: 2_340 });
  expect(objects.examines('yard')).toEqual([]);
  expect(objects.problems()).toMatchObject([{ why: 'tooSlow', text: `no objects are looked for: ${reason}` }]);
  expect(calls.closed).toBe(1);
  await objects.close();
  const again = await boxOf({ ...box, dataDir });
  expect(again.objects.status.state).toBe('tooSlow');
  expect(again.calls.pictures).toBe(0);
  again.objects.retry();
  await settle();
  expect(again.calls.pictures).toBe(2);
  await again.objects.close();
});

test('a box with less than 1 GB of memory opens no model, but may ask a server', async () => {
  const { objects, calls } = await boxOf({ memoryBytes: 512e6 });
  const reason = 'this box has 512 MB of memory: a model needs a box with 1 GB';
  expect(objects.status).toMatchObject({ state: 'tooLittleMemory', reason, pictureMs: null });
  expect(calls.pictures).toBe(0);
  await objects.close();
  const asking = await boxOf({ memoryBytes: 512e6, more: 'objectsURL: http://127.0.0.1:5000' });
  expect(asking.objects.status.state).toBe('ready');
  await asking.objects.close();
});

test('a model is fetched with progress; offline it is missing until another try', async () => {
  const gates: ((isOnline: boolean) => void)[] = [];
  let report = (_share: number): void => {};
  const { objects, calls, model } = await boxOf({
    models: {
      find: async () => undefined,
      fetch: async (_settings, progress) => {
        report = progress;
        if (!(await new Promise<boolean>((resolve) => gates.push(resolve)))) {
          throw new PerchError('unavailable', 'the registry cannot be reached');
        }
        return model;
      },
    },
  });
  expect(objects.status).toMatchObject({ state: 'fetching', progress: 0 });
  report(0.25);
  expect(objects.status.progress).toBe(0.25);
  gates.shift()?.(false);
  await settle();
  expect(objects.status).toMatchObject({ state: 'missing', reason: 'the registry cannot be reached', progress: null });
  const app = createHttpApp({ log: silentLogger });
  objectsRoutes(app, objects);
  retryRoutes(app, objects);
  expect((await app.inject({ url: '/objects' })).json()).toEqual(objects.status);
  expect((await app.inject({ method: 'POST', url: '/v3/objects/retry' })).json().state).toBe('testing');
  await settle();
  gates.shift()?.(true);
  await settle();
  expect(objects.status.state).toBe('ready');
  expect(calls.pictures).toBe(2);
  await app.close();
  await objects.close();
});

test('a model that fails in the test is a problem with its reason', async () => {
  const { objects } = await boxOf({
    models: { find: () => Promise.reject(new PerchError('unsupported', 'its output has the shape 1x3')) },
  });
  expect(objects.status).toMatchObject({ state: 'failed', reason: 'its output has the shape 1x3' });
  expect(objects.problems()).toMatchObject([{ why: 'failed' }]);
  await objects.close();
});

test('a server that does not answer yet is asked again', async () => {
  let isUp = false;
  const down: Detector = {
    ...{ inputSize: 640, memoryBytes: undefined, close: async () => {} },
    examine: async () => (isUp ? { objects: [], ms: 90 } : Promise.reject(DOWN)),
  };
  const { objects, clock } = await boxOf({
    more: 'objectsURL: http://127.0.0.1:5000',
    models: { find: async () => ({ name: 'server', key: 'server', open: () => down }) },
  });
  expect(objects.status).toMatchObject({ state: 'failed', reason: 'the server does not answer' });
  isUp = true;
  await clock.advance(61_000);
  await settle();
  expect(objects.status.state).toBe('ready');
  await objects.close();
});

test('the box does not look for what the camera names itself, and looks again a month later', async () => {
  const { objects, report, calls, clock, dataDir } = await boxOf();
  const before = calls.applied;
  report({ type: 'person', source: 'stream' });
  report({ type: 'motion' });
  expect(objects.examines('yard')).toEqual(['person', 'animal']);
  report({ type: 'person' });
  report({ type: 'person', id: '2' });
  expect(objects.examines('yard')).toEqual(['animal']);
  expect(calls.applied).toBe(before + 1);
  expect(objects.status.cameras).toEqual([{ name: 'yard', objects: ['person', 'animal'], by: 'box' }]);
  report({ type: 'animal' });
  expect(objects.status.cameras).toEqual([{ name: 'yard', objects: ['person', 'animal'], by: 'camera' }]);
  await objects.close();
  const again = await boxOf({ dataDir });
  expect(again.objects.examines('yard')).toEqual([]);
  again.clock.stepWall(-2 * DAY_MS);
  expect(again.objects.examines('yard')).toEqual(['person', 'animal']);
  again.clock.stepWall(34 * DAY_MS);
  expect(again.objects.examines('yard')).toEqual(['person', 'animal']);
  await again.objects.close();
  await clock.advance(0);
});

test('sub streams have no objects of their own', async () => {
  const { objects } = await boxOf({ paths: '  yard: {objects: [person]}\n  yard_sub: {objects: [person]}' });
  expect(objects.status.cameras.map(({ name }) => name)).toEqual(['yard']);
  await objects.close();
});

test('settings that exclude each other are named', () => {
  expect(linesOf('objectsModel: own.onnx\nobjectsURL: http://127.0.0.1:5000\n', 'error')).toEqual([
    'perch.yml: objectsLabels: is empty: objectsModel needs the file with the names of its classes',
    'perch.yml:1: objectsModel: has no effect with objectsURL: leave one of them empty',
  ]);
});

test('only the owner sets the files of an own model', async () => {
  const { edits } = await fileOf('perch: own\n');
  for (const key of ['objectsModel', 'objectsLabels', 'objectsURL']) {
    const change = edits.patchGlobal({ [key]: 'http://192.0.2.1/own' }, { hasAllRights: false });
    await expect(change, key).rejects.toThrow(`${key}: only the owner, or the file itself, can set it`);
  }
});

test('a model that is refused later is a problem, and may be tried again', async () => {
  let refuse = (_error: PerchError): void => {};
  const detector: Detector = {
    ...{ inputSize: 416, memoryBytes: 1e6, close: async () => {} },
    examine: async () => ({ objects: [], ms: 90 }),
  };
  const open: FoundModel['open'] = (refused = refuse) => {
    refuse = refused;
    return detector;
  };
  const { objects } = await boxOf({ models: { find: async () => ({ name: 'own', key: 'own', open }) } });
  expect(objects.status.state).toBe('ready');
  refuse(new PerchError('unsupported', 'it does not parse'));
  expect(objects.status).toMatchObject({ state: 'failed', reason: 'it does not parse' });
  expect(objects.examines('yard')).toEqual([]);
  objects.retry();
  await settle();
  expect(objects.status.state).toBe('ready');
  await objects.close();
});

test('a stop ends the self-test, and does not wait for it', async () => {
  let end = (_error: Error): void => {};
  const hanging: Detector = {
    ...{ inputSize: 416, memoryBytes: undefined },
    examine: () =>
      new Promise((_resolve, reject) => {
        end = reject;
      }),
    close: async () => end(new PerchError('unavailable', 'the detector is stopped')),
  };
  const { objects } = await boxOf({ models: { find: async () => ({ name: 'own', key: 'own', open: () => hanging }) } });
  expect(objects.status.state).toBe('testing');
  await objects.close();
  expect(objects.status.state).toBe('off');
});

test('a model that has failed for want of time or memory is tried again, later and later', async () => {
  let tries = 0;
  const { objects, clock } = await boxOf({
    models: {
      find: () => {
        tries += 1;
        return Promise.reject(new PerchError('timeout', 'it took longer than 20 s'));
      },
    },
  });
  const times: number[] = [];
  for (let minute = 1; minute <= 16; minute += 1) {
    const before = tries;
    await clock.advance(60_000);
    await settle();
    times.push(...(tries > before ? [minute] : []));
  }
  expect(times).toEqual([1, 3, 7, 15]);
  await objects.close();
});

test('a model that is taken out of an archive while Perch runs is found', async () => {
  let found: FoundModel | undefined;
  const { objects, clock, model } = await boxOf({ models: { find: async () => found } });
  expect(objects.status.state).toBe('missing');
  await clock.advance(60_000);
  expect(objects.status.state).toBe('missing');
  found = model;
  await clock.advance(30_000);
  await settle();
  expect(objects.status.state).toBe('ready');
  await objects.close();
});

test('a server has no limit of 2 s, and its test is not kept', async () => {
  const { objects, dataDir } = await boxOf({
    more: 'objectsURL: http://127.0.0.1:5000',
    models: {
      find: async () => ({
        ...{ name: 'http://nas', key: 'nas', isServer: true },
        open: () => ({
          ...{ inputSize: 640, memoryBytes: undefined, close: async () => {} },
          examine: async () => ({ objects: [], ms: 2_500 }),
        }),
      }),
    },
  });
  expect(objects.status).toMatchObject({ state: 'ready', pictureMs: 2_500 });
  await objects.close();
  await expect(readFile(join(dataDir, 'objects.json'), 'utf8')).rejects.toThrow('ENOENT');
});
