import type { HeaderField } from '../../../media/rtsp/message.ts';

/** A request that keeps a session alive. */
export interface KeepAliveForm {
  /** Undefined: none, only the receiver reports (RTCP), which are sent with each form. */
  readonly method: 'OPTIONS' | 'GET_PARAMETER' | 'SET_PARAMETER' | undefined;
  readonly hasSession: boolean;
  readonly fields: readonly HeaderField[];
  readonly body: Uint8Array | undefined;
}

const bare = (method: KeepAliveForm['method'], hasSession: boolean): KeepAliveForm => ({
  method,
  hasSession,
  fields: [],
  body: undefined,
});
const WITH_BODY: KeepAliveForm = {
  method: 'GET_PARAMETER',
  hasSession: true,
  fields: [['Content-Type', 'text/parameters']],
  body: new TextEncoder().encode('ping\r\n'),
};
/** In the order in which they are tried. */
const FORMS: readonly KeepAliveForm[] = [
  bare('GET_PARAMETER', true),
  bare('OPTIONS', true),
  bare('SET_PARAMETER', true),
  WITH_BODY,
  bare('GET_PARAMETER', false),
  bare('OPTIONS', false),
  bare(undefined, false),
];
/** A session that ends within these shares of its timeout was not kept alive; one that lasts longer was. */
const MIN_SHARE = 0.75;
/** Until the end is seen where the server stops to send and leaves the connection open. */
const NOTICE_MS = 10_000;

/** Which form keeps the sessions of one server alive, as far as earlier sessions show. */
export class KeepAlive {
  /** Place in `FORMS`, or undefined to do as the server announces. */
  #at: number | undefined;
  /** A session has outlived its timeout by this form. */
  #proven: KeepAliveForm | undefined;

  /** @param announcesGet the reply to OPTIONS lists GET_PARAMETER */
  form(announcesGet: boolean): KeepAliveForm {
    return FORMS[this.#at ?? (announcesGet ? 0 : 1)] as KeepAliveForm;
  }

  /** A session with this form has ended by itself. */
  judge(form: KeepAliveForm, playedMs: number, sessionMs: number): void {
    if (playedMs >= 2 * sessionMs + NOTICE_MS) {
      this.#at = FORMS.indexOf(form);
      this.#proven = form;
    } else if (playedMs >= MIN_SHARE * sessionMs) {
      this.reject(form);
    }
  }

  /** The server does not take this form. A form that has worked is given up at the second time. */
  reject(form: KeepAliveForm): void {
    const at = FORMS.indexOf(form);
    if (form === this.#proven) {
      this.#proven = undefined;
    } else if (this.#at === undefined || this.#at === at) {
      this.#at = (at + 1) % FORMS.length;
    }
  }
}
