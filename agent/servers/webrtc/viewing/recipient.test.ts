import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/fake-clock.ts';
import { ScriptedCamera, ScriptedViewer } from '../../../../test/scripted-viewer.ts';

test('a viewer gets the stream from when he is connected until he goes, however often he says so', () => {
  const camera = new ScriptedCamera(new FakeClock(), 5_000);
  const notes: string[] = [];
  camera.stream.onRecipient = ({ type, id }, query) => {
    notes.push(`${type} ${id} ${query}`);
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
