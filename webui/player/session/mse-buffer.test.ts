import { beforeEach, expect, test } from 'vitest';
import { MseBuffer } from './mse-buffer.ts';

/** A source buffer whose room is small, as a phone's: nothing but what a browser does when it is full can be seen elsewhere. */
class SmallBuffer extends EventTarget {
  updating = false;
  readonly done: string[] = [];
  endS = 0;
  startS = 0;
  roomBytes = Number.POSITIVE_INFINITY;

  get buffered() {
    const isEmpty = this.endS === this.startS;
    return { length: isEmpty ? 0 : 1, start: () => this.startS, end: () => this.endS };
  }

  changeType(type: string): void {
    this.done.push(type);
  }

  /** Each byte is a second. */
  appendBuffer(bytes: ArrayBuffer | Uint8Array): void {
    if (bytes.byteLength > this.roomBytes) {
      throw new DOMException('full', 'QuotaExceededError');
    }
    this.done.push(`append ${bytes.byteLength}`);
    this.endS += bytes.byteLength;
    this.updating = true;
  }

  remove(_startS: number, endS: number): void {
    this.done.push(`remove to ${endS}`);
    this.startS = Math.ceil(endS);
    this.roomBytes = Number.POSITIVE_INFINITY;
    this.updating = true;
  }

  settle(): void {
    this.updating = false;
    this.dispatchEvent(new Event('updateend'));
  }
}

let small: SmallBuffer;
let video: { currentTime: number };
let failures: string[];
let buffer: MseBuffer;

beforeEach(() => {
  small = new SmallBuffer();
  video = { currentTime: 0 };
  failures = [];
  buffer = new MseBuffer(small as unknown as SourceBuffer, video as HTMLVideoElement, {
    onAppended: () => {},
    onFailed: (reason) => failures.push(reason),
  });
});

const push = (seconds: number, isKey = false, type?: string) => buffer.push(new ArrayBuffer(seconds), isKey, type);

test('data received while busy are appended together, key frames apart', () => {
  for (const [seconds, isKey] of [
    [1, true],
    [2, false],
    [3, false],
    [4, true],
    [5, false],
  ] as const) {
    push(seconds, isKey);
  }
  expect(small.done).toEqual(['append 1']);
  small.settle();
  small.settle();
  expect(small.done).toEqual(['append 1', 'append 5', 'append 9']);
  expect(buffer.ranges).toEqual([[0, 15]]);
});

test('played data are removed up to right before the last key frame that is two seconds old', () => {
  for (const isKey of [true, false, true, false, true]) {
    push(5, isKey);
    small.settle();
  }
  // Key frames are at 0, 10 and 20 s.
  video.currentTime = 21.9;
  push(1);
  expect(small.done.at(-1)).toBe('remove to 9.99');
  small.settle();
  expect(small.done.at(-1)).toBe('append 1');
});

test('a full buffer removes played data, and fails if that is not enough', () => {
  for (const isKey of [true, true, false]) {
    push(4, isKey);
    small.settle();
  }
  video.currentTime = 7;
  small.roomBytes = 2;
  push(3);
  expect(small.done.at(-1)).toBe('remove to 3.99');
  small.settle();
  expect(small.done.at(-1)).toBe('append 3');
  expect(failures).toEqual([]);
  small.settle();
  small.roomBytes = 2;
  push(3);
  expect(failures).toEqual(['the browser has no room for more']);
  push(1);
  expect(small.done.at(-1)).toBe('append 3');
});

test('changed parameters precede the data that need them', () => {
  push(1, true);
  push(1);
  push(1, false, 'video/mp4; codecs="hvc1"');
  small.settle();
  small.settle();
  expect(small.done).toEqual(['append 1', 'append 1', 'video/mp4; codecs="hvc1"', 'append 1']);
});
