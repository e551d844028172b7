import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { NotifyList, SubscriptionItem } from '../../../agent/features/notify/routes.ts';
import { actionErrorText, serverText } from '../../api-client/error-text.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { ChipsField } from '../../people/access-fields.tsx';
import { nowMs } from '../../shell/page-state.ts';
import { Button } from '../../ui/controls/button.tsx';
import { moment } from '../../words/format.ts';
import { i18n } from '../../words/i18n.ts';
import { afterTap, BUTTONS, minutesUntilTomorrow, sendTest, showsButtons } from './notify-data.ts';
import { notifyWords } from './words.ts';

interface ButtonsProps {
  readonly actions: NotifyList['actions'];
  readonly chosen: SubscriptionItem['buttons'];
  readonly onChosen: (chosen: SubscriptionItem['buttons']) => void;
}

/** Which buttons a message of a camera has. */
export function ButtonsField({ actions, chosen, onChosen }: ButtonsProps) {
  const t = notifyWords.value;
  if (!showsButtons()) {
    return <p class="dim small">{t.noButtons}</p>;
  }
  const texts = { talk: t.talk, quiet: t.quiet };
  const own = BUTTONS.map((value): { readonly value: string; readonly text: string } => ({
    value,
    text: texts[value],
  }));
  const options = [...own, ...actions.map(({ id, title }) => ({ value: id, text: title }))];
  const all = options.map(({ value }) => value);
  return (
    <>
      <ChipsField
        label={t.buttons}
        options={options}
        chosen={chosen}
        onTap={(one) => onChosen(afterTap(chosen, one, all))}
        wrong={undefined}
      />
      {actions.length > 0 && <p class="dim small">{t.twoButtons}</p>}
    </>
  );
}

interface QuietProps {
  readonly items: SubscriptionItem['quiet'];
  readonly onResume: (path: string) => void;
}

/** Cameras whose messages are paused. */
export function Quiet({ items, onResume }: QuietProps) {
  const t = notifyWords.value;
  return items
    .filter(({ until }) => Date.parse(until) > nowMs.value)
    .map(({ path, until }) => (
      <div class="actions-row" key={path}>
        <span class="grow">
          <bdi>{cameraTitle(path)}</bdi> · {t.quietUntil(moment(Date.parse(until), nowMs.value, i18n()))}
        </span>
        <Button label={t.resumeNamed(cameraTitle(path))} onClick={() => onResume(path)}>
          {t.resume}
        </Button>
      </div>
    ));
}

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
