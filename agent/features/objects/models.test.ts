import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serverOf } from '../../../webui/features/objects/objects-data.ts';
import { systemClock } from '../../base/clock.ts';
import { modelOf, modelsOf } from './models.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-models-'));
  await writeFile(join(folder, 'packaged.onnx'), 'x');
  await writeFile(join(folder, 'mine.onnx'), 'xy');
  await writeFile(join(folder, 'mine.txt'), 'person\ncar\n');
  await writeFile(join(folder, 'chairs.txt'), 'chair\n');
});
afterAll(() => rm(folder, { recursive: true }));

const warned: object[] = [];
const host = () => ({
  dataDir: join(folder, 'data'),
  clock: systemClock,
  log: { warn: (fields: object) => warned.push(fields) } as never,
  release: () => undefined,
  pictures: { jpegOf: () => Promise.reject(new Error('no picture is taken')) },
});
const files = () => ({ model: join(folder, 'packaged.onnx'), labels: ['person'], runtime: folder });
const settings = (own: { objectsModel?: string; objectsLabels?: string; objectsURL?: string } = {}) => ({
  ...{ objectsModel: '', objectsLabels: '', objectsURL: '', ...own },
});

test('a server that is named replaces the model, with a warning', async () => {
  const found = await modelsOf(host()).find(
    settings({ objectsURL: 'http://me:secret@nas.local:32168/v1/vision/detection' }),
  );
  expect(found?.name).toBe('http://nas.local:32168');
  // What the page takes for a server: it says that pictures leave the box.
  expect(serverOf({ model: found?.name ?? '' })).toBe(found?.name);
  expect(warned).toEqual([{ host: 'nas.local:32168' }]);
  const detector = found?.open();
  expect(detector?.inputSize).toBe(640);
  await detector?.close();
});

test('the packaged model and the own one have different keys, and a file that changes has another', async () => {
  const packaged = await modelOf(files(), settings(), host());
  const own = settings({ objectsModel: join(folder, 'mine.onnx'), objectsLabels: join(folder, 'mine.txt') });
  const mine = await modelOf(files(), own, host());
  expect([packaged.name, mine.name]).toEqual(['NanoDet-g', 'mine.onnx']);
  const elsewhere = await modelOf({ ...files(), runtime: '/other' }, own, host());
  await writeFile(join(folder, 'more.txt'), 'car\nperson\n');
  const named = await modelOf(files(), { ...own, objectsLabels: join(folder, 'more.txt') }, host());
  // Relative, and by a link: the process has another working folder, and may read the file alone.
  await symlink(join(folder, 'mine.onnx'), join(folder, 'link.onnx'));
  const paths = ['link.onnx', 'mine.txt'].map((name) => relative(process.cwd(), join(folder, name)));
  const linked = settings({ objectsModel: paths[0] ?? '', objectsLabels: paths[1] ?? '' });
  expect((await modelOf(files(), linked, host())).key).toBe(mine.key);
  await writeFile(join(folder, 'mine.onnx'), 'xyz');
  const changed = await modelOf(files(), own, host());
  expect(new Set([packaged, mine, elsewhere, named, changed].map(({ key }) => key)).size).toBe(5);
  const detector = mine.open();
  expect([detector.inputSize, detector.memoryBytes]).toEqual([416, undefined]);
  await detector.close();
});

test.for([
  ['none.onnx', 'mine.txt', 'none.onnx cannot be read'],
  ['mine.onnx', 'none.txt', 'none.txt cannot be read'],
  ['mine.onnx', 'chairs.txt', 'is a person, a vehicle or an animal'],
] as const)('the model %s with the labels %s is an error that names the file', async ([model, labels, reason]) => {
  const own = settings({ objectsModel: join(folder, model), objectsLabels: join(folder, labels) });
  await expect(modelOf(files(), own, host())).rejects.toThrow(reason);
});

test('a box without the model has to fetch it', async () => {
  expect(await modelsOf(host()).find(settings())).toBeUndefined();
});
