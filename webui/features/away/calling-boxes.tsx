import { useState } from 'preact/hooks';
import { usePolled } from '../../api-client/use-polled.ts';
import { featureLink, settingsLink } from '../../shell/route.ts';
import { Button } from '../../ui/controls/button.tsx';
import { LowerPageHeader } from '../../ui/controls/lower-page-header.tsx';
import { Row } from '../../ui/controls/row.tsx';
import { Icon } from '../../ui/icons/icon.tsx';
import { SearchedCard } from '../../ui/lists/searched-list.tsx';
import { camerasWords } from '../../words/settings/cameras.ts';
import { BOXES_ADDRESS, type ListedBox, linkText } from './away-data.ts';
import { InviteBoxSheet } from './invite-box-sheet.tsx';
import { awayWords } from './words.ts';

/** Boxes that connect to this server. */
export function CallingBoxesPage() {
  const t = awayWords.value;
  const { value, again } = usePolled<{ readonly items: readonly ListedBox[] }>(BOXES_ADDRESS, 'steady');
  const [isInviting, setInviting] = useState(false);
  const boxes = value?.items.filter(({ linked }) => linked) ?? [];
  return (
    <section class="calling-boxes add-below">
      <LowerPageHeader title={t.callingBoxes} href={settingsLink('cameras')} above={camerasWords.value.cameras} />
      <p class="dim">{t.callingBoxesHint}</p>
      {value && boxes.length === 0 && <p class="dim">{t.noCallingBoxes}</p>}
      {boxes.length > 0 && (
        <>
          <SearchedCard items={boxes} textOf={({ name }) => name}>
            {(box) => (
              <Row
                key={box.id}
                icon="network"
                title={box.name}
                text={linkText(box)}
                {...((box.state === 'away' || box.state === 'refused') && { tone: 'bad' as const })}
                href={featureLink('cameras', 'boxes')}
              />
            )}
          </SearchedCard>
          <p class="dim small">{t.toOtherBoxes}</p>
        </>
      )}
      <Button onClick={() => setInviting(true)} isOff={!value}>
        <Icon name="plus" small />
        {t.inviteBox}
      </Button>
      {isInviting && (
        <InviteBoxSheet before={boxes.map(({ id }) => id)} onJoined={again} onClosed={() => setInviting(false)} />
      )}
    </section>
  );
}
