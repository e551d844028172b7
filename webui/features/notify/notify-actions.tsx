import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { actionErrorText, serverText } from '../../api-client/error-text.ts';
import { nowMs } from '../../shell/page-state.ts';
import { Button } from '../../ui/controls/button.tsx';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { minutesUntilTomorrow, sendTest } from './notify-data.ts';
import { notifyWords } from './words.ts';

interface PauseProps {
  /** End of the pause, RFC 3339; null: not paused. */
  readonly until: string | null;
  readonly onSet: (minutes: number) => void;
}

export function Pause({ until, onSet }: PauseProps) {
  const t = notifyWords.value;
  const untilMs = until === null ? 0 : Date.parse(until);
  return untilMs > nowMs.value ? (
    <div class="actions-row">
      <span class="grow">{t.paused(moment(untilMs, nowMs.value, i18n()))}</span>
      <Button onClick={() => onSet(0)}>{t.resume}</Button>
    </div>
  ) : (
    <div class="actions-row">
      <Button onClick={() => onSet(60)}>{t.hour}</Button>
      <Button onClick={() => onSet(minutesUntilTomorrow(new Date()))}>{t.tomorrow}</Button>
    </div>
  );
}

interface TestProps {
  /** URL of the browser's subscription or of the channel in the API. */
  readonly address: string;
}

export function TestButton({ address }: TestProps) {
  const t = notifyWords.value;
  const [isBusy, setBusy] = useState(false);
  const [result, setResult] = useState<ComponentChildren>();
  const tryIt = async () => {
    setBusy(true);
    try {
      const problem = await sendTest(address);
      setResult(problem === undefined ? t.testSent : serverText(t.testFailed, problem));
    } catch (error) {
      setResult(actionErrorText(error));
    }
    setBusy(false);
  };
  return (
    <>
      <Button busy={isBusy && t.testing} onClick={() => void tryIt()}>
        {t.test}
      </Button>
      <p class="dim small" role="status">
        {result}
      </p>
    </>
  );
}
