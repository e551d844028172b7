import { settingsLink } from '../../../shell/route.ts';
import { Icon } from '../../../ui/icons/icon.tsx';
import { systemWords } from '../../../words/system.ts';
import { words } from '../../../words/words.ts';

/** Header of a page below System. */
export const BackToSystem = ({ title }: { readonly title: string }) => (
  <header class="below-system">
    <a class="round" href={settingsLink('system')} aria-label={`${words.value.back}: ${systemWords.value.system}`}>
      <Icon name="back" />
    </a>
    <h2 class="title">{title}</h2>
  </header>
);
