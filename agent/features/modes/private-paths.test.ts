import { expect, test } from 'vitest';
import { configOf, publisherOf, tableOf } from '../../../test/support/harness/servers/path-table-of.ts';
import { RTSP_SESSION, readerOf } from '../../../test/support/media/reader.ts';
import { tinyH264 } from '../../../test/support/media/tiny-h264.ts';
import type { Mode } from '../../config/values/modes.ts';
import { inMode } from './effect.ts';

const PATHS = `
  cam: {source: "rtsp://h/1", record: yes, modes: {home: {privacy: yes}, night: {record: no}}}
  cam_sub: {source: "rtsp://h/2"}
  pub: {modes: {home: {privacy: yes}}}`;

async function open() {
  const box = await tableOf(PATHS);
  return { ...box, change: (mode: Mode) => box.table.apply(inMode(configOf(PATHS), mode)) };
}

test('in a private mode a camera is disconnected, with its readers and its recording; after it, it is pulled again', async () => {
  const { table, sourceOf, recorders, change } = await open();
  const ended: unknown[] = [];
  for (const url of ['rtsp://h/1', 'rtsp://h/2']) {
    const reader = { ...readerOf(RTSP_SESSION), onEnd: () => ended.push(url) };
    sourceOf(url).deliver([tinyH264]).addReader(reader, false);
  }
  const recorder = recorders.get('cam');
  await change('home');
  expect(ended).toEqual(['rtsp://h/1', 'rtsp://h/2']);
  expect(recorder?.stops).toBe(1);
  for (const [name, url] of [
    ['cam', 'rtsp://h/1'],
    ['cam_sub', 'rtsp://h/2'],
  ] as const) {
    expect(sourceOf(url).isRunning).toBe(false);
    expect(table.find(name)).toMatchObject({ ready: false, privacy: true, paused: false, sourceState: null });
    const message = `no stream is available on path '${name}': its camera is private in the present mode`;
    await expect(table.open(name)).rejects.toMatchObject({ code: 'notFound', message });
    await expect(table.talk(name, () => {})).rejects.toMatchObject({ code: 'unsupported' });
  }
  await change('away');
  expect(sourceOf('rtsp://h/1')).toMatchObject({ isRunning: true, runs: 2 });
  expect(table.find('cam')).toMatchObject({ privacy: false });
});

test('in a private mode a publisher is disconnected, and none may publish', async () => {
  const { table, change } = await open();
  const replaced: string[] = [];
  const onReplaced = (reason: string) => replaced.push(reason);
  table.publish('pub', { ...publisherOf('one'), onReplaced }).publish([tinyH264]);
  await change('home');
  expect(replaced).toEqual(["path 'pub' was removed or changed"]);
  const refusal = { code: 'badInput', message: "path 'pub' takes no publisher: it is private in the present mode" };
  expect(() => table.publish('pub', publisherOf('two'))).toThrow(expect.objectContaining(refusal));
  expect(() => table.mayPublish('pub', 'now')).toThrow(expect.objectContaining(refusal));
  await change('night');
  expect(table.publish('pub', publisherOf('three'))).toMatchObject({ usesSenderClock: false });
});

test('a mode without recording ends the recording, and the stream continues', async () => {
  const { table, sourceOf, recorders, change } = await open();
  const stream = sourceOf('rtsp://h/1').deliver([tinyH264]);
  const recorder = recorders.get('cam');
  await change('night');
  expect(recorder?.stops).toBe(1);
  expect(table.find('cam')).toMatchObject({ ready: true, recording: null });
  expect(await table.open('cam')).toBe(stream);
  await change('away');
  expect(recorders.get('cam')?.started).toEqual([stream]);
});
