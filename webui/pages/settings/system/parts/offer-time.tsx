import { useState } from 'preact/hooks';
import { fetchJson } from '../../../../api-client/request.ts';
import { nowMs } from '../../../../shell/page-state.ts';
import { Button } from '../../../../ui/controls/button.tsx';
import { MessageCard } from '../../../../ui/feedback/message-card.tsx';
import { toast } from '../../../../ui/feedback/toast.tsx';
import { attempt } from '../../../../ui/feedback/toast-failure.ts';
import { longDay } from '../../../../words/dates.ts';
import { clock } from '../../../../words/format.ts';
import { i18n } from '../../../../words/i18n.ts';
import { systemWords } from '../../../../words/settings/system.ts';

/** Sets the box's clock from the browser. For the owner. */
export function OfferTime({ onSet }: { readonly onSet: () => void }) {
  const t = systemWords.value;
  const { language } = i18n();
  const [isBusy, setBusy] = useState(false);
  const take = async () => {
    setBusy(true);
    await attempt(async () => {
      // The box waits 35 s.
      await fetchJson('v3/clock', { method: 'POST', body: { time: new Date().toISOString() }, limitMs: 45_000 });
      toast(t.clockTaken);
      onSet();
    });
    setBusy(false);
  };
  const here = `${longDay(nowMs.value, language)} ${clock(nowMs.value, language)}`;
  return (
    <MessageCard icon="clock" tone="warn" title={t.clockUnsure} text={t.clockHere(here)}>
      <Button busy={isBusy && t.clockTaking} onClick={take}>
        {t.clockTake}
      </Button>
    </MessageCard>
  );
}
