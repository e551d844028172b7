import { readFileSync } from 'node:fs';
import { h264Track } from '../../../../agent/media/h264/params.ts';
import { h265Track } from '../../../../agent/media/h265/params.ts';
import type { NalTrack } from '../../../../agent/media/sample/track.ts';
import { clip } from '../../../peers/cameras/camera.ts';
import { CODECS, type CodecName, splitPictures } from '../../../quirks/clip.ts';
import { sampleOf } from '../../../support/media/units.ts';

export const FPS = 10;
export const TICKS = 90_000 / FPS;
/** Quiet before, a walk from the left edge to the right one, quiet after. */
export const [BEFORE_S, WALK_S, AFTER_S] = [14, 4, 8];
/** Pixels per second. */
export const SPEED = 70;
/** A figure of 24x60 in 320x180, 80 lines from the top. */
export async function walk(codec: CodecName) {
  const { encoder, format, delimited } = CODECS[codec];
  const end = BEFORE_S + WALK_S;
  const at = `overlay=x='if(between(t,${BEFORE_S},${end}),(t-${BEFORE_S})*${SPEED},-100)':y=80`;
  const file = await clip(`walk-areas-${codec}.${format}`, [
    ...['-f', 'lavfi', '-i', 'color=gray:s=320x180:r=10,noise=alls=50:c0_seed=7,gblur=1'],
    ...['-f', 'lavfi', '-i', 'testsrc=s=24x60:r=10'],
    ...['-filter_complex', `[0][1]${at},noise=alls=3:allf=t:all_seed=1`, '-t', String(end + AFTER_S)],
    ...['-c:v', encoder, '-tune', 'zerolatency', '-crf', '28', '-preset', 'veryfast', '-g', String(FPS)],
    ...(codec === 'h265' ? ['-x265-params', 'log-level=error'] : []),
    ...['-pix_fmt', 'yuv420p', '-bsf:v', delimited, '-f', format],
  ]);
  const { sets, pictures } = splitPictures(CODECS[codec], new Uint8Array(readFileSync(file)));
  const [first, second, third] = sets as [Uint8Array, Uint8Array, Uint8Array];
  const track: NalTrack = codec === 'h264' ? h264Track(first, [second]) : h265Track(first, second, [third]);
  return { track, pictures: pictures.map((nals) => sampleOf(...nals)) };
}
