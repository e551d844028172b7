import { randomBytes } from 'node:crypto';
import Type from 'typebox';
import { Check } from 'typebox/value';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { joinSignals } from '../../../base/joined-signal.ts';
import { readBody, sendRequest } from '../../../base/network/http-client.ts';
import type { Detector, Examined, ExamineTask, FoundObject, RgbPicture } from './contract.ts';
import { ExamineQueue } from './examine-queue.ts';
import { typeOf } from './labels.ts';

const TIMEOUT_MS = 3_000;
const MAX_ANSWER_BYTES = 1 << 20;

const Answer = Type.Object({
  success: Type.Optional(Type.Boolean()),
  error: Type.Optional(Type.String()),
  predictions: Type.Optional(Type.Array(Type.Unknown())),
});
const Prediction = Type.Object({
  label: Type.String(),
  confidence: Type.Number({ minimum: 0, maximum: 1 }),
  x_min: Type.Number(),
  y_min: Type.Number(),
  x_max: Type.Number(),
  y_max: Type.Number(),
});

/**
 * Asks a server with the API of DeepStack and CodeProject.AI: POST of a form with the field `image`, a JPEG, and an answer in JSON with
 * `predictions`. Pictures leave the box.
 */
export class UrlDetector implements Detector {
  readonly inputSize = 640;
  readonly memoryBytes = undefined;
  readonly #url: URL;
  readonly #clock: Clock;
  readonly #jpegOf: (picture: RgbPicture) => Promise<Uint8Array>;
  readonly #queue: ExamineQueue;
  readonly #end = new AbortController();

  /** @param jpegOf makes the JPEG of a picture, whose memory it may give away @throws PerchError */
  constructor(url: URL, clock: Clock, jpegOf: (picture: RgbPicture) => Promise<Uint8Array>) {
    this.#url = url;
    this.#clock = clock;
    this.#jpegOf = jpegOf;
    const examine = (picture: RgbPicture, path: string): Promise<Examined> => this.#examine(picture, path);
    this.#queue = new ExamineQueue({ clock, maxWaiting: 4, maxWaitMs: 10_000, examine });
  }

  examine(task: ExamineTask): Promise<Examined> {
    return this.#queue.examine(task);
  }

  async close(): Promise<void> {
    this.#queue.close();
    this.#end.abort(new PerchError('unavailable', 'Perch ends'));
  }

  async #examine(picture: RgbPicture, path: string): Promise<Examined> {
    const jpeg = await this.#jpegOf(picture);
    const beganMs = this.#clock.monoMs();
    try {
      const text = await this.#post(jpeg);
      return { objects: objectsIn(text, picture), ms: this.#clock.monoMs() - beganMs };
    } catch (cause) {
      if (cause instanceof PerchError) {
        throw new PerchError(
          cause.code,
          `the object detector ${this.#url.host}: ${cause.message}`,
          { path },
          cause.cause,
        );
      }
      throw new PerchError('unavailable', `the object detector ${this.#url.host} does not answer`, { path }, cause);
    } finally {
      this.#queue.charge(path, this.#clock.monoMs() - beganMs);
    }
  }

  async #post(jpeg: Uint8Array): Promise<string> {
    const over = new AbortController();
    const joined = joinSignals([over.signal, this.#end.signal]);
    const { signal } = joined;
    const late = new PerchError('timeout', `no answer within ${TIMEOUT_MS / 1000} s`);
    void this.#clock.sleep(TIMEOUT_MS, signal).then(() => over.abort(late));
    try {
      return await this.#ask(jpeg, signal);
    } catch (error) {
      // The reason of the signal, in place of the socket's words for it.
      throw signal.aborted ? signal.reason : error;
    } finally {
      over.abort();
      joined.release();
    }
  }

  async #ask(jpeg: Uint8Array, signal: AbortSignal): Promise<string> {
    const boundary = `perch-${randomBytes(12).toString('hex')}`;
    const part = (disposition: string): string => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}`;
    const body = Buffer.concat([
      Buffer.from(`${part('name="min_confidence"')}\r\n\r\n0.25\r\n`),
      Buffer.from(`${part('name="image"; filename="image.jpg"')}\r\nContent-Type: image/jpeg\r\n\r\n`),
      jpeg,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const headers = { 'Content-Type': `multipart/form-data; boundary=${boundary}`, Accept: 'application/json' };
    const response = await sendRequest(this.#url, { method: 'POST', headers, body, signal });
    // Also where the rest of the body comes late, or with an error.
    response.on('error', () => {});
    try {
      const { statusCode = 0 } = response;
      if (statusCode !== 200) {
        const where = statusCode >= 300 && statusCode < 400 ? ', and redirects are not followed' : '';
        throw new PerchError('unavailable', `it answers with status ${statusCode}${where}`);
      }
      const { bytes, isCut } = await readBody(response, MAX_ANSWER_BYTES);
      if (isCut) {
        throw new PerchError('unavailable', `its answer has more than ${MAX_ANSWER_BYTES} bytes`);
      }
      return bytes.toString();
    } finally {
      response.destroy();
    }
  }
}

/** @throws PerchError unavailable, for what is not an answer of this API */
export function objectsIn(text: string, { width, height }: Pick<RgbPicture, 'width' | 'height'>): FoundObject[] {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw new PerchError('unavailable', 'its answer is no JSON', {}, cause);
  }
  if (!Check(Answer, answer)) {
    throw new PerchError('unavailable', 'its answer is not that of DeepStack: {"success": true, "predictions": […]}');
  }
  if (answer.success === false || !answer.predictions) {
    throw new PerchError('unavailable', `it reports: ${(answer.error ?? 'no predictions').slice(0, 200)}`);
  }
  return answer.predictions
    .slice(0, 500)
    .flatMap((one) => objectOf(one, width, height) ?? [])
    .sort((a, b) => b.score - a.score);
}

/** undefined: of another kind, or malformed: the others count. */
function objectOf(one: unknown, width: number, height: number): FoundObject | undefined {
  if (!Check(Prediction, one)) {
    return undefined;
  }
  const type = typeOf(one.label);
  const [left, right] = [one.x_min / width, one.x_max / width].map(clamped) as [number, number];
  const [top, bottom] = [one.y_min / height, one.y_max / height].map(clamped) as [number, number];
  if (type === undefined || right <= left || bottom <= top) {
    return undefined;
  }
  return { type, score: one.confidence, box: { x: left, y: top, width: right - left, height: bottom - top } };
}

const clamped = (value: number): number => Math.min(Math.max(value, 0), 1);
