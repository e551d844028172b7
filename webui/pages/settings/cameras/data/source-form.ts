import { type Signal, signal } from '@preact/signals';
import type { Tagged } from '../../../../api-client/config.ts';
import { RequestError } from '../../../../api-client/request.ts';
import { cameText, failureText, testSource } from '../../../../cameras/adding/source-test.ts';
import { isRtpSource, parseTyped } from '../../../../cameras/adding/typed-address.ts';
import { ConfigForm, pathPlace } from '../../../../forms/config-form.ts';
import { sourceWords } from '../../../../words/settings/sources.ts';
import type { PathConfig } from './camera-settings.ts';

interface SourceValues {
  /** Empty: a program publishes. */
  readonly source: string;
  readonly sdp: string;
}

/** Result of testing values. */
interface Tested extends SourceValues {
  readonly isGood: boolean;
  /** What came, or one sentence why nothing did. */
  readonly text: string;
}

const PUBLISHER = 'publisher';

const changeOf = ({ source, sdp }: Partial<SourceValues>): object => ({
  ...(source === undefined ? {} : { source: source.trim() || PUBLISHER }),
  ...(sdp === undefined ? {} : { rtpSDP: sdp.trim() }),
});

/** The source of one path: it is tested before it is saved. */
export class SourceForm {
  readonly edited: ConfigForm<PathConfig, SourceValues>;
  readonly tested: Signal<Tested | undefined> = signal(undefined);
  readonly isTesting = signal(false);
  readonly #name: string;
  #stop = new AbortController();

  constructor(name: string, seen: Tagged<PathConfig>) {
    this.#name = name;
    this.edited = new ConfigForm({
      ...pathPlace(name),
      seen,
      changeOf,
      valuesOf: ({ source = '', rtpSDP = '' }) => ({ source: source === PUBLISHER ? '' : source, sdp: rtpSDP }),
      validate: {
        source: (text) => (text.trim() === '' || isSource(text) ? undefined : sourceWords.peek().addressWrong),
        sdp: (text, { source }) =>
          isRtpSource(source) && text.trim() === '' ? sourceWords.peek().sdpMissing : undefined,
      },
    });
  }

  /** The result for the present values, or undefined if not tested yet. */
  get result(): Tested | undefined {
    const { source, sdp } = this.edited.form.values.value;
    const tested = this.tested.value;
    return tested?.source === source && tested.sdp === sdp ? tested : undefined;
  }

  /** Whether the values can be saved: they passed the test, or there is no connection to test. */
  get isReady(): boolean {
    const { changed, values } = this.edited.form;
    const isTestable = 'source' in changed.value || 'sdp' in changed.value;
    return !isTestable || values.value.source.trim() === '' || this.result?.isGood === true;
  }

  /** Allows saving without a test, for a source that is off now. */
  skipTest(): void {
    this.tested.value = { ...this.edited.form.values.peek(), isGood: true, text: '' };
  }

  /** Tests values that were not tested. @returns whether they can be saved now */
  async check(): Promise<boolean> {
    const wasReady = this.isReady;
    if (!wasReady) {
      await this.#test();
    }
    return wasReady;
  }

  async #test(): Promise<void> {
    const { form } = this.edited;
    if (this.isTesting.peek() || !form.judge()) {
      return;
    }
    const values = form.values.peek();
    const stop = new AbortController();
    this.#stop = stop;
    this.isTesting.value = true;
    try {
      const test = await testSource(this.#name, changeOf(form.changed.peek()), stop.signal);
      const text = test.isGood ? cameText(test) : failureText(test, values.source);
      this.tested.value = { ...values, isGood: test.isGood, text };
    } catch (error) {
      const isRejected = error instanceof RequestError && error.status === 400;
      const t = sourceWords.peek();
      this.tested.value = { ...values, isGood: false, text: isRejected ? t.rejected : t.whySilent };
    } finally {
      this.isTesting.value = false;
    }
  }

  /** Cancels a test on the box. */
  close(): void {
    this.#stop.abort();
  }
}

const isSource = (text: string): boolean => ['stream', 'source'].includes(parseTyped(text)?.kind ?? '');
