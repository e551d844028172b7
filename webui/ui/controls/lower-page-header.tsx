import { words } from '../../words/words.ts';
import { Icon } from '../icons/icon.tsx';

interface LowerPageHeaderProps {
  readonly title: string;
  /** URL of the page above. */
  readonly href: string;
  readonly above: string;
}

/** Header of a page below another one. */
export const LowerPageHeader = ({ title, href, above }: LowerPageHeaderProps) => (
  <header class="lower-page">
    <a class="round" href={href} aria-label={`${words.value.back}: ${above}`}>
      <Icon name="back" />
    </a>
    <h2 class="title">{title}</h2>
  </header>
);
