import { expect, test, vi } from 'vitest';
import { whenDrawable } from './drawable-frame.ts';

class FakeVideo {
  source = 'frame.mp4';
  onloadeddata = () => {};
  hasAttribute = () => this.source !== '';
}

class FakeVideoWithFrames extends FakeVideo {
  onFrame = () => {};
  requestVideoFrameCallback(then: () => void): number {
    this.onFrame = then;
    return 1;
  }
}

function drawnOf<Video extends FakeVideo>(video: Video) {
  const draw = vi.fn();
  whenDrawable(video as unknown as HTMLVideoElement, draw);
  return { video, draw };
}

test.for([
  ['onloadeddata', 'onFrame'],
  ['onFrame', 'onloadeddata'],
] as const)('%s alone is not enough: it draws after %s, once', ([first, second]) => {
  const { video, draw } = drawnOf(new FakeVideoWithFrames());
  video[first]();
  expect(draw).not.toHaveBeenCalled();
  video[second]();
  expect(draw).toHaveBeenCalledOnce();
});

test('a browser that does not report frames draws when the frame is loaded', () => {
  const { video, draw } = drawnOf(new FakeVideo());
  video.onloadeddata();
  expect(draw).toHaveBeenCalledOnce();
});

test('a request that has ended draws nothing', () => {
  const { video, draw } = drawnOf(new FakeVideoWithFrames());
  video.onloadeddata();
  video.source = '';
  video.onFrame();
  expect(draw).not.toHaveBeenCalled();
});
