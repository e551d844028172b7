import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { ProcessDetector } from '../../../../agent/features/objects/detector/process/process-detector.ts';
import { Examiner } from '../../../../agent/features/objects/examine/examiner.ts';
import type { PicturePart, Planes } from '../../../../agent/picture/contracts.ts';
import { toRgb } from '../../../../agent/picture/scale.ts';
import type { EventLabel } from '../../../../agent/record/events/event.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { OBJECT_MODEL } from '../support/object-model.ts';
import { stillOf } from '../support/still.ts';

const LIMITS = { maxBytes: 400e6, startMs: 60_000, pictureMs: 20_000 };

/** A grey picture with a photo of a person in it. */
function pictureWith(width: number, height: number, { x, y, side }: { x: number; y: number; side: number }): Planes {
  const luma = new Uint8Array(width * height).fill(120);
  const chroma = [0, 1].map(() => new Uint8Array((width * height) / 4).fill(128)) as [Uint8Array, Uint8Array];
  const { rgb } = stillOf('astronaut', side, side);
  for (let row = 0; row < side; row += 1) {
    for (let column = 0; column < side; column += 1) {
      const [red = 0, green = 0, blue = 0] = rgb.subarray(3 * (row * side + column));
      // ITU-T T.871 §7.
      luma[(y + row) * width + x + column] = 0.299 * red + 0.587 * green + 0.114 * blue;
      const at = ((y + row) >> 1) * (width / 2) + ((x + column) >> 1);
      chroma[0][at] = 128 - 0.168736 * red - 0.331264 * green + 0.5 * blue;
      chroma[1][at] = 128 + 0.5 * red - 0.418688 * green - 0.081312 * blue;
    }
  }
  return {
    ...{ width, height, bits: 8, chromaX: 1, chromaY: 1, luma: { samples: luma, stride: width }, isFullRange: true },
    chroma: [
      { samples: chroma[0], stride: width / 2 },
      { samples: chroma[1], stride: width / 2 },
    ],
    ...{ matrix: 6, isInterlaced: false, aspect: 1, time: 0, isDamaged: false },
  };
}

/** Labels after the first two pictures of an event. */
async function labelsOf(planes: Planes, moving: PicturePart | undefined): Promise<readonly EventLabel[]> {
  const detector = new ProcessDetector({
    ...OBJECT_MODEL,
    ...{ clock: systemClock, log: silentLogger, share: 1, limits: LIMITS },
  });
  onTestFinished(() => detector.close());
  const counts = { pictures: 0, failures: 0, labelled: 0 };
  let found: readonly EventLabel[] = [];
  const examiner = new Examiner({
    ...{ clock: systemClock, detector, log: silentLogger, counts },
    pictures: {
      rgb: async (_path, side, aroundAt) => {
        const wallMs = systemClock.wallMs();
        return { ...toRgb(planes, side, aroundAt?.(wallMs)), time: 0, wallMs };
      },
    },
    hub: {
      label: async (_path, _id, labels) => {
        found = labels;
      },
    },
    movement: () => ({ shareIn: () => 1, movingBox: () => moving, counts: () => true }),
    cameraOf: (path) => path,
    wanted: () => ['person'],
    minHeightOf: () => 0,
  });
  onTestFinished(() => examiner.close());
  const startUs = 1000 * systemClock.wallMs();
  const event = { id: 'a', path: 'yard', type: 'motion', startUs, endUs: undefined, text: '' };
  examiner.onEvent({ ...event, source: 'stream' });
  await expect.poll(() => found.length > 0 || counts.pictures > 1, { timeout: 30_000 }).toBe(true);
  return found;
}

describeWith(['object-model', 'ffmpeg'], 'a small person who moves', () => {
  test.for([
    ['640x360', 640, 360, { x: 500, y: 220, side: 38 }],
    ['1920x1080', 1920, 1080, { x: 300, y: 800, side: 100 }],
  ] as const)('is found in a part of a picture of %s, and not in the whole', async ([, width, height, place]) => {
    const planes = pictureWith(width, height, place);
    const { x, y, side } = place;
    const box = { x: x / width, y: y / height, width: side / width, height: side / height };
    const [label] = await labelsOf(planes, box);
    expect(label).toMatchObject({ type: 'person' });
    const { x: left = 0, y: top = 0, width: across = 0, height: down = 0 } = label?.box ?? {};
    expect(Math.abs(left + across / 2 - box.x - box.width / 2)).toBeLessThan(box.width / 4);
    expect(Math.abs(top + down - box.y - box.height)).toBeLessThan(box.height / 4);
    expect(await labelsOf(planes, undefined)).toEqual([]);
  });
});
