import { parentPort } from 'node:worker_threads';
import { PerchError } from '../base/errors.ts';
import type { FromWorker, WorkerTask } from './contracts.ts';
import { decodePicture } from './decoder.ts';
import { encodeJpeg, jpegPictureOf } from './jpeg.ts';
import { toJpegPicture, toRgb } from './scale.ts';

parentPort?.on('message', (task: WorkerTask) => {
  const answer = answerTo(task);
  const bytes = 'jpeg' in answer ? answer.jpeg : 'rgb' in answer ? answer.rgb : undefined;
  parentPort?.postMessage(answer, bytes ? [bytes.buffer as ArrayBuffer] : []);
});

function answerTo(task: WorkerTask): FromWorker {
  try {
    if ('pixels' in task) {
      return { jpeg: encodeJpeg(jpegPictureOf(task.pixels)) };
    }
    const planes = decodePicture(task.coded);
    const { time } = planes;
    if ('side' in task) {
      return { ...toRgb(planes, task.side, task.around), time };
    }
    return { jpeg: encodeJpeg(toJpegPicture(planes, task.width), task.quality), time };
  } catch (error) {
    if (error instanceof PerchError) {
      return { reason: error.message };
    }
    throw error;
  }
}
