import { expect, test } from 'vitest';
import { contentDisposition, downloadName } from './download-name.ts';

test.for([
  ['cam', 'cam_2026-07-01T14-00-00.mp4'],
  ['house/front door', 'house_front door_2026-07-01T14-00-00.mp4'],
  ['Einfahrt Süd: "Tor"?', 'Einfahrt Süd_ _Tor__2026-07-01T14-00-00.mp4'],
] as const)('a clip of %s is called %s', ([camera, name]) => {
  expect(downloadName(camera, '2026-07-01T14:00:00.5+02:00')).toBe(name);
});

test.for([
  ['cam.mp4', 'attachment; filename="cam.mp4"'],
  ['Tor Süd (1).mp4', `attachment; filename="Tor S_d (1).mp4"; filename*=UTF-8''Tor%20S%C3%BCd%20%281%29.mp4`],
  ['50% "off".mp4', `attachment; filename="50_ _off_.mp4"; filename*=UTF-8''50%25%20%22off%22.mp4`],
  ['half \ud83d.mp4', `attachment; filename="half _.mp4"; filename*=UTF-8''half%20%EF%BF%BD.mp4`],
] as const)('%s is offered as %s', ([name, header]) => {
  expect(contentDisposition(name)).toBe(header);
});
