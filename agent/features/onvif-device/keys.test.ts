import { expect, test } from 'vitest';
import { linesOf, load } from '../../../test/support/harness/loaded-config.ts';

test.for([
  ['onvif: yes\nrtsp: no', 'perch.yml:1: onvif: needs rtsp: yes, because recorders get the streams by RTSP'],
  ['onvif: yes\nonvifAddress: ""', 'perch.yml:1: onvif: needs onvifAddress, such as :8600'],
  [
    'onvif: yes\nonvifAddress: :8554',
    'perch.yml:2: onvifAddress: has the TCP port 8554, as does rtspAddress: change one of them',
  ],
] as const)('%j is rejected', ([text, line]) => {
  expect(linesOf(text, 'error')).toEqual([line]);
  expect(load(text).config).toBeUndefined();
});
