import { expect, test } from 'vitest';
import { pathsNamedIn } from './programs.ts';

test.for([
  [
    ['ffmpeg', '-i', 'rtsp://localhost:8554/cam', 'rtsp://127.0.0.1:8554/cam_small'],
    ['cam', 'cam_small'],
  ],
  [['sh', '-c', "ffmpeg -i 'rtsp://[::1]:8554/a/b.c-d?x=1' -f null - | tee"], ['a/b.c-d']],
  [['x', 'rtsp://hooks:p%40ss@localhost:8554/cam/'], ['cam']],
  [['x', 'RTSP://LOCALHOST:8554/Cam'], ['Cam']],
  [['x', 'rtsp://localhost:8554/cam~1'], ['cam~1']],
] as const)('the command %j names the paths %j', ([words, paths]) => {
  expect([...pathsNamedIn(words, '8554')]).toEqual(paths);
});

test.for([
  ['another server', 'rtsp://192.168.1.20:8554/cam'],
  ['another port', 'rtsp://localhost:554/cam'],
  ['the port that RTSP has by itself', 'rtsp://localhost/cam'],
  ['a server that only begins like this one', 'rtsp://localhost.example:8554/cam'],
  ['this server as the user of another', 'rtsp://localhost:8554@192.168.1.20:8554/cam'],
  ['no path', 'rtsp://localhost:8554/'],
  ['a tunnel to this server', 'ssh -R 8554:localhost:8554 box.example'],
  ['another protocol', 'http://localhost:8554/cam'],
] as const)('%s is not named: %s', ([, word]) => {
  expect([...pathsNamedIn(word.split(' '), '8554')]).toEqual([]);
});
