import type { IncomingMessage, ServerResponse } from 'node:http';
import { pictureOf } from '../support/cameras/snapshot-camera.ts';
import type { LoginDesk } from './login.ts';
import type { CameraState } from './state.ts';

const PICTURE_BYTES = 12_000;

/** A picture for clients with an HTTP login: a GET has no WS-Security token. */
export function answerSnapshot(
  state: CameraState,
  desk: LoginDesk,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { snapshot } = state.quirks;
  const refusal = desk.checkHttp(request);
  if (refusal) {
    response.writeHead(refusal.status, { 'WWW-Authenticate': [...refusal.challenges] }).end();
    return;
  }
  // The query must come back whole: XML writes `&` as `&amp;`.
  const query = new URL(request.url ?? '/', 'http://camera').searchParams;
  if (!state.profile(query.get('profile') ?? '') || query.get('size') !== 'full') {
    response.writeHead(404).end();
  } else if (snapshot !== 'hangs') {
    const type = snapshot === 'octet-stream' ? 'application/octet-stream' : 'image/jpeg';
    response.writeHead(200, { 'Content-Type': type }).end(state.picture ?? pictureOf(PICTURE_BYTES));
  }
}
