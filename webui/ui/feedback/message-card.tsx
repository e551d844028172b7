import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from '../icons/icon.tsx';

interface MessageCardProps {
  readonly icon: IconName;
  /** `bad`: broken; `warn`: needs attention; `calm`: information. */
  readonly tone: 'bad' | 'warn' | 'calm';
  readonly title: string;
  readonly text?: ComponentChildren;
  /** One button or link. */
  readonly children?: ComponentChildren;
}

/** A message about the whole page, with its reason and one button. At most two at once. */
export function MessageCard({ icon, tone, title, text, children }: MessageCardProps) {
  return (
    <div class={`message-card ${tone}`} role={tone === 'bad' ? 'alert' : undefined}>
      <Icon name={icon} />
      <div class="grow">
        <b>{title}</b>
        {text && <p class="dim small">{text}</p>}
        {children}
      </div>
    </div>
  );
}
