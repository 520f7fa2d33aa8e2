/** Rendered once, when the site is built. */
import { Words } from '../words.jsx';

export default function Page() {
  return <Words text="Northwind raises its profit outlook" />;
}
