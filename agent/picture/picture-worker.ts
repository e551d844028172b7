import { parentPort } from 'node:worker_threads';
import { PerchError } from '../base/errors.ts';
import type { FromWorker, PictureTask } from './contracts.ts';
import { decodePicture } from './decoder.ts';
import { encodeJpeg } from './jpeg.ts';
import { toJpegPicture } from './scale.ts';

parentPort?.on('message', (task: PictureTask) => {
  const answer = answerTo(task);
  parentPort?.postMessage(answer, 'jpeg' in answer ? [answer.jpeg.buffer as ArrayBuffer] : []);
});

function answerTo({ coded, width, quality }: PictureTask): FromWorker {
  try {
    const planes = decodePicture(coded);
    const picture = toJpegPicture(planes, width);
    const { time } = planes;
    return { jpeg: encodeJpeg(picture, quality), time };
  } catch (error) {
    if (error instanceof PerchError) {
      return { reason: error.message };
    }
    throw error;
  }
}
