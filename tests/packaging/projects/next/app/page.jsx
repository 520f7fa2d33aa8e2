/** Rendered on the server for each request. */
import { headers } from 'next/headers';
import { StillglassError } from 'stillglass';
import { Words } from './words.jsx';

export default async function Page() {
  await headers();
  return (
    <main data-rendered={StillglassError.name}>
      <Words text="Northwind raises its profit outlook" />
    </main>
  );
}
