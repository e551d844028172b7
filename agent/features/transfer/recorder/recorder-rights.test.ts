import { expect, test } from 'vitest';
import { openOnvifDevice, RECORDER } from '../../../../test/features/onvif-device/support/onvif-device-harness.ts';
import { config, NEVER } from '../../../../test/features/transfer/support/recorder-import.ts';
import { systemClock } from '../../../base/clock.ts';
import { openRecorder } from './recorder-session.ts';

test('the error for a good login of another Perch without the right to recordings names the right, not the password', async () => {
  const { portOf } = await openOnvifDevice({ mayPlay: false });
  const recorder = { address: `http://127.0.0.1:${portOf()}/onvif/device_service`, ...RECORDER };
  const opening = openRecorder(recorder, { clock: systemClock, config, isInteractive: true }, NEVER);
  await expect(opening).rejects.toMatchObject({
    message: expect.stringContaining('this user may not fetch recordings'),
    context: { camera: 'noRights' },
  });
});
