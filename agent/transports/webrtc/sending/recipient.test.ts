// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { ScriptedCamera, ScriptedViewer } from '../../../../test/support/clients/webrtc/scripted-viewer.ts';

test('a viewer receives the stream once, from its connection to its end', () => {
  const camera = new ScriptedCamera(new FakeClock(), 5_000);
  const notes: string[] = [];
  camera.stream.recipients.onBegin = ({ kind, id }, query) => {
    notes.push(`${kind.apiType} ${id} ${query}`);
    return () => notes.push('end');
  };
  const viewer = new ScriptedViewer(camera, { query: 'a=1' });
  expect(notes).toEqual([]);
  viewer.start();
  expect(notes).toEqual(['webRTCSession viewer a=1']);
  viewer.viewing.close();
  viewer.viewing.close();
  expect(notes).toEqual(['webRTCSession viewer a=1', 'end']);
});

test.for([
  ['ten seconds', 250, 1],
  ['two seconds', 50, 0],
] as const)(
  'a viewer of a stream with a key frame every %s (%s frames) requests %s at once',
  async ([, keyEvery, requests]) => {
    const camera = new ScriptedCamera(new FakeClock(), 5_000);
    let asked = 0;
    camera.stream.onKeyFrameWanted = () => {
      asked += 1;
    };
    await camera.play(9, { keyEvery, from: keyEvery });
    const viewer = new ScriptedViewer(camera);
    viewer.start();
    expect(asked).toBe(requests);
    viewer.viewing.close();
  },
);
