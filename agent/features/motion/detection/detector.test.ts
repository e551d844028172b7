import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { SLICE_TYPE } from '../../../media/payload/slice-reader.ts';
import { MotionDetector } from './detector.ts';

const FPS = 10;
const GROUP = 20;

interface Scene {
  readonly bytes: number;
  readonly qp?: number;
}

/** A fixed camera of 640 x 360 pixels. A test gives it scenes, each for some seconds. */
class Film {
  readonly detector = new MotionDetector();
  /** Seconds. */
  readonly changes: number[] = [];
  readonly #next = random(7);
  #pictures = 0;

  constructor(sensitivity = 50) {
    this.detector.sensitivity = sensitivity;
    this.detector.begin(640, 360);
  }

  get seconds(): number {
    return this.#pictures / FPS;
  }

  /** @param spread of the sizes, as a share */
  take(seconds: number, { bytes, qp = 28 }: Scene, spread = 0.1): void {
    for (let i = 0; i < seconds * FPS; i += 1) {
      this.picture(bytes * (1 + spread * (2 * this.#next() - 1)), qp);
    }
  }

  picture(bytes: number, qp: number): void {
    const isIntra = this.#pictures % GROUP === 0;
    const type = isIntra ? SLICE_TYPE.i : SLICE_TYPE.p;
    const picture = { type, qp, bytes: isIntra ? 30_000 : Math.round(bytes), isReference: true };
    if (this.detector.add(picture, this.#pictures * (1000 / FPS))) {
      this.changes.push(this.seconds);
    }
    this.#pictures += 1;
  }
}

const QUIET: Scene = { bytes: 200 };

test.for([
  ['a still scene', QUIET, { bytes: 900 }],
  ['noise that costs many bits', { bytes: 5000 }, { bytes: 6200 }],
  ['a constant bit rate, whose quantiser rises instead', { bytes: 2000, qp: 28 }, { bytes: 2000, qp: 33 }],
] as const)('motion in %s begins within 0.7 s and ends after it', ([, quiet, moving]) => {
  const film = new Film();
  film.take(60, quiet);
  film.take(5, moving);
  film.take(20, quiet);
  expect(film.changes).toHaveLength(2);
  expect(film.changes[0]).toBeGreaterThanOrEqual(60);
  expect(film.changes[0]).toBeLessThan(60.7);
  expect(film.changes[1]).toBeGreaterThan(65);
  expect(film.changes[1]).toBeLessThan(69);
});

test('an hour without motion has no event, by day and with the noise of the night', () => {
  for (const bytes of [100, 1000, 15_000]) {
    const film = new Film();
    film.take(3600, { bytes });
    expect(film.changes).toEqual([]);
  }
});

test('a single large picture is no motion', () => {
  const film = new Film();
  film.take(60.5, QUIET);
  film.picture(200_000, 28);
  film.take(30, QUIET);
  expect(film.changes).toEqual([]);
});

test('a finer quantiser repeats the background with more bits, which is no motion', () => {
  const film = new Film();
  film.take(60, QUIET);
  for (let i = 0; i < 5; i += 1) {
    film.take(0.3, { bytes: 4000, qp: 24 });
    film.take(4.7, QUIET);
  }
  expect(film.changes).toEqual([]);
});

test('rain that stays is the background after half a minute, and its end after seconds', () => {
  const film = new Film();
  film.take(60, QUIET);
  film.take(120, { bytes: 3000 });
  expect(film.changes).toHaveLength(2);
  expect(film.changes[1]).toBeLessThan(91);
  film.take(30, QUIET);
  expect(film.changes).toHaveLength(2);
  film.take(5, { bytes: 900 });
  expect(film.changes).toHaveLength(3);
});

test('a sensitivity decides how little counts', () => {
  const changes = [10, 90].map((sensitivity) => {
    const film = new Film(sensitivity);
    film.take(60, QUIET);
    film.take(5, { bytes: 300 });
    return film.changes.length;
  });
  expect(changes).toEqual([0, 1]);
});

test('a new size of pictures is learnt before anything counts', () => {
  const film = new Film();
  film.take(60, QUIET);
  film.detector.begin(1920, 1080);
  film.take(30, { bytes: 5000 });
  expect(film.changes).toEqual([]);
});
