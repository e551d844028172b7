import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { PerchError } from '../../../../agent/base/errors.ts';
import type { RgbPicture } from '../../../../agent/features/objects/detector/contract.ts';
import { typeOf } from '../../../../agent/features/objects/detector/labels.ts';
import { ModelProcess } from '../../../../agent/features/objects/detector/process/model-process.ts';
import { ProcessDetector } from '../../../../agent/features/objects/detector/process/process-detector.ts';
import { agentBundle } from '../../../peers/agent/agent-bundle.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';
import { OBJECT_MODEL } from '../support/object-model.ts';
import { stillOf } from '../support/still.ts';

const LIMITS = { maxBytes: 400e6, startMs: 60_000, pictureMs: 20_000 };

function realDetector(): ProcessDetector {
  const detector = new ProcessDetector({
    ...OBJECT_MODEL,
    ...{ clock: systemClock, log: { warn: () => {} }, share: 1, limits: LIMITS },
  });
  onTestFinished(() => detector.close());
  return detector;
}

const examine = (detector: ProcessDetector, picture: RgbPicture) =>
  detector.examine({ path: 'front', eventUs: 1, picture: async () => picture });

describeWith(['object-model', 'ffmpeg'], 'the detector with the packaged model', () => {
  test.for([
    ['a person in a square picture', 'astronaut', 416, 416, 'person'],
    ['a person in a small picture', 'astronaut', 160, 160, 'person'],
    ['a cat in a wide picture', 'chelsea', 416, 277, 'animal'],
    ['a cat in a large picture', 'chelsea', 960, 639, 'animal'],
  ] as const)('finds %s', async ([, name, width, height, type]) => {
    const detector = realDetector();
    const { objects, ms } = await examine(detector, stillOf(name, width, height));
    expect(objects.filter(({ score }) => score >= 0.45).map((object) => object.type)).toEqual([type]);
    expect(objects[0]?.box.height).toBeGreaterThan(0.5);
    expect(ms).toBeGreaterThan(0);
    expect(detector.inputSize).toBe(416);
    expect(detector.memoryBytes).toBeLessThan(300e6);
  });

  test('finds nothing in a grey picture', async () => {
    const grey = { width: 416, height: 234, rgb: new Uint8Array(3 * 416 * 234).fill(128) };
    expect((await examine(realDetector(), grey)).objects.filter(({ score }) => score >= 0.45)).toEqual([]);
  });

  test('goes on after its process was killed at any moment', async () => {
    const detector = realDetector();
    const picture = stillOf('astronaut', 416, 416);
    let found = 0;
    let failed = 0;
    for (let round = 0; round < byLength(6, 40); round += 1) {
      const killing = delay(150 * (round % 6)).then(() => detector.pid && process.kill(detector.pid, 'SIGKILL'));
      await examine(detector, picture).then(
        ({ objects }) => {
          found += 1;
          expect(objects[0]?.type).toBe('person');
        },
        (error) => {
          failed += 1;
          expect(error).toBeInstanceOf(PerchError);
          expect(error.message).toMatch(/SIGKILL/);
        },
      );
      await killing;
    }
    expect([found + failed, failed > 0]).toEqual([byLength(6, 40), true]);
    await expect
      .poll(() =>
        examine(detector, picture).then(
          ({ objects }) => objects[0]?.type,
          () => 'none',
        ),
      )
      .toBe('person');
    const { pid } = detector;
    await detector.close();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  test('runs from the bundle of the packages, whose script may read nothing but itself, the model and the runtime', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'perch-detector-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await mkdir(join(folder, 'agent'));
    for (const [name, bytes] of await agentBundle()) {
      await writeFile(join(folder, 'agent', name), bytes);
    }
    const types = OBJECT_MODEL.labels.map((label) => typeOf(label) ?? null);
    const script = pathToFileURL(join(folder, 'agent/detector-child.cjs'));
    const running = new ModelProcess({ ...OBJECT_MODEL, types }, systemClock, LIMITS, script);
    onTestFinished(() => running.stop());
    expect(await running.ready).toEqual({ layout: 'NanoDet', width: 416, height: 416 });
    expect((await running.objects(stillOf('astronaut', 416, 416)))[0]?.type).toBe('person');
  });
});
