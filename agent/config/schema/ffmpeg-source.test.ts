import { expect, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { parseConfig } from '../load/load.ts';
import { parseCommandLine } from '../values/command-line.ts';
import { ffmpegCommand } from './ffmpeg-source.ts';

const HERE = '-f rtsp -rtsp_transport tcp rtsp://127.0.0.1:$RTSP_PORT/$MTX_PATH';

test.for([
  [
    'an input, with options of the output',
    'ffmpeg://rtsp://h/1 -c:v libx264 -tune zerolatency -f rtsp',
    `-rtsp_transport tcp -i rtsp://h/1 -c:v libx264 -tune zerolatency -f rtsp ${HERE}`,
  ],
  ['an input alone, which is passed on', 'ffmpeg://http://h/mjpg', `-i http://h/mjpg -c copy ${HERE}`],
  ['a file, which begins again at its end', 'FFmpeg:///srv/a.mp4', `-re -stream_loop -1 -i /srv/a.mp4 -c copy ${HERE}`],
  [
    'a device with options of the input',
    'ffmpeg://input_format=mjpeg video_size=640x480 /dev/video0',
    `-f v4l2 -input_format mjpeg -video_size 640x480 -i /dev/video0 -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p ${HERE}`,
  ],
  [
    "ffmpeg's own arguments",
    'ffmpeg://-f lavfi -i testsrc=size=320x240 -c:v libx264',
    `-f lavfi -i testsrc=size=320x240 -c:v libx264 ${HERE}`,
  ],
  [
    'arguments up to the output',
    'ffmpeg://-re -i a.mp4 -c copy -f rtsp rtsp://localhost:$RTSP_PORT/$MTX_PATH',
    '-re -i a.mp4 -c copy -f rtsp rtsp://localhost:$RTSP_PORT/$MTX_PATH',
  ],
] as const)('source: ffmpeg:// accepts %s', ([, source, args]) => {
  expect(ffmpegCommand(source)).toBe(`ffmpeg -nostdin -hide_banner -loglevel warning ${args}`);
});

test('quoted text is one word', () => {
  const words = parseCommandLine(ffmpegCommand(`ffmpeg://'/srv/my "film".mp4' -vf "drawtext=text='it''s'"`));
  expect(words).toContain('/srv/my "film".mp4');
  expect(words).toContain("drawtext=text='it''s'");
});

test.for([
  ['ffmpeg://', 'names no input'],
  ['ffmpeg://  ', 'names no input'],
  ['ffmpeg://a=b c=d', 'no input after them'],
  [`ffmpeg://'a`, 'has no end'],
  [`ffmpeg://${'a'.repeat(8_150)}`, 'limit 8192'],
] as const)('%.20s is rejected', ([source, message]) => {
  expect(() => ffmpegCommand(source)).toThrow(message);
});

const pathOf = (text: string) => {
  const { config, problems } = parseConfig(
    `paths:\n  ${text}\n`,
    'x.yml',
    {},
    { recordPath: './%path/%Y-%m-%d_%H-%M-%S-%f', cwd: '/c', keys: KEYS },
  );
  return {
    settings: config?.paths.values().next().value?.settings,
    problems: problems.filter((p) => p.severity === 'error').map((p) => p.message),
  };
};

test('it is runOnInit, or runOnDemand', () => {
  const always = pathOf('cam: {source: "ffmpeg:///dev/video0"}').settings;
  expect(always).toMatchObject({ source: 'publisher', runOnInitRestart: true, runOnDemand: '' });
  expect(always?.runOnInit).toMatch(/^ffmpeg .* -i \/dev\/video0 /);
  const onDemand = pathOf(
    'cam: {source: "ffmpeg:///dev/video0", sourceOnDemand: yes, sourceOnDemandCloseAfter: 3s}',
  ).settings;
  expect(onDemand).toMatchObject({
    source: 'publisher',
    sourceOnDemand: false,
    runOnInit: '',
    runOnDemandCloseAfterMs: 3_000,
  });
});

test.for([
  ['"~^a": {source: "ffmpeg:///dev/video0"}', 'needs sourceOnDemand'],
  ['"~^a": {runOnInit: x}', 'because the names are not known in advance'],
  ['cam: {source: "rtsp://h/1", runOnDemand: x}', "needs the source 'publisher'"],
  ['cam: {source: "rtsp://h/1", runOnUnDemand: x}', "needs the source 'publisher'"],
  ['cam: {runOnDemand: x, runOnDemandStartTimeout: 0s}', 'must be longer than zero'],
  ['cam: {source: "ffmpeg://a.mp4", runOnInit: x}', 'cannot be combined with the source ffmpeg://'],
  [`cam: {runOnReady: "sh -c 'x"}`, 'has no end'],
] as const)('%s is rejected', ([text, message]) => {
  expect(pathOf(text).problems.join()).toContain(message);
});
