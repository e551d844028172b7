import { settingsLink } from '../shell/route.ts';
import { LowerPageHeader } from '../ui/controls/lower-page-header.tsx';
import { systemWords } from '../words/settings/system.ts';

/** Header of a page below System. */
export const BackToSystem = ({ title }: { readonly title: string }) => (
  <LowerPageHeader title={title} href={settingsLink('system')} above={systemWords.value.system} />
);
