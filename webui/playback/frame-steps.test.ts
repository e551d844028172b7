import { expect, test } from 'vitest';
import { FrameStepper, type Steppable } from './frame-steps.ts';

/** A paused video with this frame rate. It reports a frame after each seek, unless the frame is the same. */
class FakeVideo implements Steppable {
  readonly duration = 10;
  readonly #fps: number;
  readonly #isTalkative: boolean;
  seeks = 0;
  shownS = 0;
  steps: FrameStepper | undefined;
  #pending: (() => void)[] = [];

  constructor(fps: number, isTalkative: boolean) {
    this.#fps = fps;
    this.#isTalkative = isTalkative;
  }

  pause(): void {}

  get currentTime(): number {
    return this.shownS;
  }

  set currentTime(toS: number) {
    this.seeks += 1;
    const before = this.shownS;
    this.shownS = Math.floor(toS * this.#fps + 1e-9) / this.#fps;
    this.#pending.push(() => {
      if (this.#isTalkative || this.shownS !== before) {
        this.steps?.see(this.shownS);
      }
      this.steps?.settle();
    });
  }

  run(): void {
    for (let next = this.#pending.shift(); next; next = this.#pending.shift()) {
      next();
    }
  }
}

test.for([
  [25, true],
  [25, false],
  [60, true],
  [10, false],
  [1, true],
] as const)(
  'steps of a camera with %i pictures a second, each reported: %s, go by one picture',
  ([fps, isTalkative]) => {
    const video = new FakeVideo(fps, isTalkative);
    const steps = new FrameStepper(video);
    video.steps = steps;
    video.currentTime = 4;
    video.run();
    const shown: number[] = [];
    for (const by of [1, 1, 1, -1, -1, 1] as const) {
      steps.step(by);
      video.run();
      shown.push(Math.round((video.shownS - 4) * fps));
    }
    expect(shown).toEqual([1, 2, 3, 2, 1, 2]);
  },
);

test('with a known frame duration a step is one seek', () => {
  const video = new FakeVideo(10, true);
  const steps = new FrameStepper(video);
  video.steps = steps;
  steps.step(1);
  video.run();
  const felt = video.seeks;
  steps.step(1);
  video.run();
  expect(video.seeks - felt).toBe(1);
});

test('at the end there is no next frame, and seeking stops', () => {
  const video = new FakeVideo(10, true);
  const steps = new FrameStepper(video);
  video.steps = steps;
  video.currentTime = 9.95;
  video.run();
  const before = video.seeks;
  steps.step(1);
  video.run();
  expect(video.seeks - before).toBeLessThan(10);
  expect(Math.round(video.shownS * 10)).toBe(99);
});
