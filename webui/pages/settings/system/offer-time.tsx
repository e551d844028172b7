import { useState } from 'preact/hooks';
import { notDoneWords } from '../../../api-client/error-text.ts';
import { ask } from '../../../api-client/request.ts';
import { nowMs } from '../../../shell/page-state.ts';
import { Button } from '../../../ui/controls/button.tsx';
import { Say } from '../../../ui/feedback/message-card.tsx';
import { toast } from '../../../ui/feedback/toast.tsx';
import { voice } from '../../../words/i18n.ts';
import { clock, longDay } from '../../../words/format.ts';
import { systemWords } from '../../../words/system.ts';

/** The box itself waits for 35 s. */
const LIMIT_MS = 45_000;

/** The box does not know the time, and this device does. For the owner. */
export function OfferTime({ onSet }: { readonly onSet: () => void }) {
  const say = systemWords.value;
  const { language } = voice();
  const [isBusy, setBusy] = useState(false);
  const take = async () => {
    setBusy(true);
    try {
      await ask('v3/clock', { method: 'POST', body: { time: new Date().toISOString() }, limitMs: LIMIT_MS });
      toast(say.clockTaken);
      onSet();
    } catch (error) {
      toast(notDoneWords(error));
    }
    setBusy(false);
  };
  const here = `${longDay(nowMs.value, language)}, ${clock(nowMs.value, language)}`;
  return (
    <Say icon="clock" tone="warn" title={say.clockUnsure} text={say.clockHere(here)}>
      <Button busy={isBusy && say.clockTaking} onClick={take}>
        {say.clockTake}
      </Button>
    </Say>
  );
}
