// What admins do to documents, from the list to every screen.
import { AxeBuilder } from '@axe-core/playwright';
import { client } from '../documents.ts';
import { expect, test } from '../fixtures.ts';
import { LIST, cell, docId, openLive, row, signIn } from '../page.ts';

test('a client is blocked from the list with the keyboard, seen by everyone, and unblocked again', async ({ browserOn, db, stack }) => {
  const document = client({ status: 'INACTIVE' });
  const clients = db.collection('clients');
  await clients.insertOne(document);
  try {
    // Signed in just now, so that the password is not asked for again.
    const page = await browserOn(0, { storageState: undefined });
    await signIn(page, stack.admin.email, stack.admin.password);
    await expect(page).toHaveURL(`${stack.urls[0]}/`);
    const other = await browserOn(1);
    await openLive(other, LIST.clients);
    await openLive(page, LIST.clients);
    const id = docId(document._id);
    const status = cell(row(other, 'clients', id), 'status');
    await expect(status).toContainText('Inactive');

    const link = row(page, 'clients', id).getByRole('link', { name: 'Block', exact: true });
    await link.focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: 'Block a client' })).toBeVisible();
    const reason = page.getByLabel('Reason');
    await expect(reason).toBeFocused();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((violation) => violation.id)).toEqual([]);
    await reason.fill('owes 30.00 GBP');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('status')).toHaveText('The client is blocked.');
    await expect(page.getByText('owes 30.00 GBP')).toBeVisible();
    await expect(status).toContainText('Blocked');
    await expect(status.getByRole('link', { name: 'Unblock' })).toBeVisible();
    const { status: _was, ...rest } = document;
    expect(await clients.findOne({ _id: document._id })).toEqual({ ...rest, status: 'BLOCKED' });

    await page.getByLabel('Reason').fill('has paid');
    await page.getByRole('button', { name: 'Unblock' }).click();
    await expect(page.getByRole('status')).toHaveText('The client is unblocked.');
    await expect(status).toContainText('Inactive');
    expect(await clients.findOne({ _id: document._id })).toEqual(document);
  } finally {
    await clients.deleteOne({ _id: document._id });
  }
});
