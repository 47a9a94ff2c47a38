// What the charts' own JavaScript decides by itself.
import { expect, test } from '@playwright/test';
import { named } from '../../src/web/charts/bundle/named.mjs';
import { stretch } from '../../src/web/charts/bundle/zoom.mjs';

test('a zoomed stretch stays at its labels, or at the edge that is now', () => {
  const before = ['a', 'b', 'c', 'd', 'e', 'f'];
  const after = ['c', 'd', 'e', 'f', 'g', 'h'];
  expect(stretch(before, after, 0, 5), 'the whole').toEqual([0, 5]);
  expect(stretch(before, after, 3, 5), 'the right edge').toEqual([3, 5]);
  expect(stretch(before, after, 2, 4), 'labels').toEqual([0, 2]);
  expect(stretch(before, after, 1, 3), 'half gone').toEqual([0, 1]);
  expect(stretch(before, after, 0, 1), 'all gone').toEqual([0, 1]);
  expect(stretch(before, [...before, 'g'], 1, 3), 'a window that grows').toEqual([1, 3]);
  expect(stretch([], after, 0, 0), 'nothing before').toEqual([0, 5]);
});

test('a value of the earlier period is told by its own day, not by the one that it is drawn at', () => {
  const tooltip = { valueFormatter: (value: number | null) => (value === null ? '—' : `${value} kWh`) };
  const { valueFormatter } = named({ names: ['Sun 4 Jan', 'Mon 5 Jan', ''], tooltip });
  expect(valueFormatter(2, 1)).toBe('Mon 5 Jan: 2 kWh');
  expect(valueFormatter(null, 0)).toBe('Sun 4 Jan: —');
  expect(valueFormatter(null, 2), 'the earlier period has no such day').toBe('—');
});
