import type { XmlElement } from '@rgrove/parse-xml';
import { attributeOf, elements, find, findText, plainLine } from '../soap/xml/xml.ts';

type Operation = 'initialized' | 'changed' | 'deleted';

export interface Item {
  readonly name: string;
  readonly value: string;
}

/** A message of a pull point (WS-BaseNotification §3.2 with ONVIF Core §9.4). */
export interface Notification {
  /** Topic path without prefixes: `RuleEngine`, `CellMotionDetector`, `Motion`. */
  readonly topic: readonly string[];
  readonly operation: Operation;
  /** Video source, rule or contact. */
  readonly source: readonly Item[];
  readonly data: readonly Item[];
}

/** PullMessagesResponse. Invalid messages are dropped. */
export function readNotifications(response: XmlElement): Notification[] {
  return elements(response, 'NotificationMessage')
    .slice(0, 200)
    .flatMap((element) => {
      const topic = topicOf(findText(element, 'Topic'));
      // Some cameras omit the wrapping element.
      const message = find(element, 'Message', 'Message') ?? find(element, 'Message');
      return topic.length === 0 || !message
        ? []
        : [
            {
              topic,
              operation: operationOf(attributeOf(message, 'PropertyOperation')),
              source: itemsOf(find(message, 'Source')),
              data: itemsOf(find(message, 'Data')),
            },
          ];
    });
}

function topicOf(text: string | undefined): string[] {
  return (plainLine(text) ?? '')
    .split('/')
    .map((step) => step.slice(step.lastIndexOf(':') + 1).trim())
    .filter((step) => step !== '')
    .slice(0, 12);
}

function operationOf(text: string | undefined): Operation {
  const word = text?.toLowerCase();
  return word === 'initialized' || word === 'deleted' ? word : 'changed';
}

function itemsOf(parent: XmlElement | undefined): Item[] {
  return elements(parent, 'SimpleItem')
    .slice(0, 16)
    .map((item) => ({ name: attributeOf(item, 'Name') ?? '', value: attributeOf(item, 'Value') ?? '' }));
}
