import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeWith } from '../../../peers/programs/peers.ts';
import { record, temporaryFolder } from '../../../support/disks/recordings.ts';
import { newSigningKey, signFiles, verified } from '../../../support/disks/signed-recordings.ts';
import { getBytes, openPlayback } from '../../../support/harness/playback.ts';

const ffmpeg = (...args: string[]): string =>
  execFileSync('ffmpeg', ['-nostdin', '-v', 'warning', '-y', ...args], { encoding: 'utf8', stdio: 'pipe' });

describeWith(['ffmpeg'], 'signed recordings', () => {
  test.for(['mp4', 'fmp4'] as const)(
    'ffmpeg decodes a signed download to its end without a warning (%s)',
    async (format) => {
      using folder = temporaryFolder();
      await signFiles(await record(folder.path, 6, { sound: true }), newSigningKey());
      await using playback = openPlayback(folder.path);
      const cut = join(folder.path, 'cut.mp4');
      writeFileSync(cut, await getBytes(playback, 0, 6, format));
      expect(
        execFileSync('sh', ['-c', `ffmpeg -nostdin -v warning -i ${cut} -f null - 2>&1`], { encoding: 'utf8' }),
      ).toBe('');
      expect(await verified(cut)).toMatchObject({ code: 0 });
    },
  );

  test('a copy by ffmpeg verifies with the signatures of the original', async () => {
    using folder = temporaryFolder();
    const [file = ''] = await record(folder.path, 6, { sound: true });
    await signFiles([file], newSigningKey());
    const copy = join(folder.path, 'copy.mp4');
    ffmpeg('-i', file, '-c', 'copy', copy);
    expect(await verified(copy)).toMatchObject({ code: 2 });
    const { code, text } = await verified(copy, { signatures: `${file}.sig` });
    expect(code, text).toBe(0);
  });
});
