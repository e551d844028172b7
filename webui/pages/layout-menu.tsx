import { isOwner } from '../api-client/session.ts';
import { arrange, arrangement } from '../cameras/arrangement.ts';
import { ARRANGEMENTS, type Arrangement } from '../cameras/layout.ts';
import { layouts } from '../cameras/layouts.ts';
import { settingsLink, wallLink } from '../shell/route.ts';
import { Popup, type PopupItem } from '../ui/sheet/popup.tsx';
import { wallWords } from '../words/walls.ts';
import { liveWords } from '../words/words.ts';

/** The shape of the grid, and the walls. */
export function LayoutMenu({ onClose }: { readonly onClose: (isElsewhere: boolean) => void }) {
  const words = liveWords.value;
  const t = wallWords.value;
  const texts: Readonly<Record<Arrangement, string>> = {
    auto: t.arrangeAuto,
    1: t.arrangeOne,
    4: t.arrangeFour,
    9: t.arrangeNine,
  };
  const shapes = ARRANGEMENTS.map((one): PopupItem => {
    return { text: texts[one], isChosen: one === arrangement.value, onChoose: () => arrange(one) };
  });
  const walls = (layouts.value ?? [])
    .filter(({ kind, cameras }) => kind === 'wall' && cameras.length > 0)
    .map(({ name }): PopupItem => ({ text: name, icon: 'full', href: wallLink(name) }));
  const edit: PopupItem = { text: t.layouts, icon: 'go', href: settingsLink('cameras', 'layouts') };
  return (
    <Popup
      label={words.arrange}
      items={[
        ...shapes,
        { text: words.wall, icon: 'full', href: wallLink() },
        ...walls,
        ...(isOwner.value ? [edit] : []),
      ]}
      onClose={onClose}
    />
  );
}
