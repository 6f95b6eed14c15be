package server

import "time"

// SetReadTimeout shortens the read timeout; call it before Serve.
func (s *Server) SetReadTimeout(d time.Duration) { s.http.ReadTimeout = d }

// LandingPage is the built-in page, byte for byte.
var LandingPage = landingPage
