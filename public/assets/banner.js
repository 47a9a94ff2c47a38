// Stands over a page and says what is wrong, with one thing to do about it.
const showBanner = (text, action, act) => {
  const banner = document.createElement("aside");
  banner.className = "banner";
  banner.role = "alert";
  const says = document.createElement("p");
  says.textContent = text;
  const button = document.createElement("button");
  button.className = "button";
  button.textContent = action;
  button.addEventListener("click", act);
  banner.append(says, button);
  document.body.append(banner);
  return banner;
};
